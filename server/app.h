#pragma once

#include <memory>
#include <string>

#include "config/loader.h"

namespace strata::server {

// The server put together: settings, cache, event loops, acceptors, admin API, in the order in which they are started. Reading
// app.cpp is reading the architecture.
class App {
 public:
  // `loaded` must be without problems; `sources` is read again at SIGHUP.
  App(config::LoadResult loaded, config::Sources sources, std::string executable);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Opens everything. Empty, or one line that says why not and what to change.
  std::string start();
  // Serves until SIGTERM, SIGINT or SHUTDOWN, then stops gracefully.
  void run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strata::server
