#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loadtest/options.h"
#include "loadtest/report/run_result.h"
#include "loadtest/run/worker.h"
#include "loadtest/workload/trace.h"
#include "loadtest/workload/workload.h"

namespace strata::loadtest {

// One of the program's commands: what each thread does, and what is to be told of it in the end.
class Driver {
 public:
  virtual ~Driver() = default;

  // The worker of a thread; called by that thread, once each, in parallel. Whatever it needs lives as long as this.
  virtual std::unique_ptr<Worker> make(unsigned thread) = 0;
  // The run ends by the work, not by the clock.
  [[nodiscard]] virtual bool ends_by_itself() const { return false; }
  // How many requests the run will take, for the progress bar; 0 if the clock decides.
  [[nodiscard]] virtual std::uint64_t expected_requests() const { return 0; }
  // Whether the round now running is what the report is about; of others only the errors are.
  [[nodiscard]] virtual bool measured() const { return true; }
  // All workers have finished well. Says whether another round is to be run with new workers.
  virtual bool another_round() { return false; }
  // Adds to the result what the recorders do not know.
  virtual void collect(RunResult& result) = 0;

  // The driver of options.command. nullptr, and a line in `problem`, if the trace can not be read or the options do not fit
  // together. The options outlive the driver.
  static std::unique_ptr<Driver> make(const Options& options, std::string& problem);
};

}  // namespace strata::loadtest
