#pragma once

#include <memory>
#include <vector>

#include "loadtest/run/request_stream.h"
#include "loadtest/run/tape.h"

namespace strata::loadtest {

// What the connections of one thread share.
struct ThreadParts {
  ThreadParts(const Options& options, const Workload& workload, unsigned thread)
      : source(workload, thread, options.threads), encoder(options.target.protocol, workload) {}

  OperationSource source;
  RequestEncoder encoder;
  Tape tape;
};

// A place for the parts of each thread, filled by the threads themselves.
using PartsOfThreads = std::vector<std::unique_ptr<ThreadParts>>;

}  // namespace strata::loadtest
