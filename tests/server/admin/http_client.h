#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace strata::server::admin {

struct HttpAnswer {
  unsigned status = 0;
  std::map<std::string, std::string> headers;
  std::string body;
};

// One blocking connection to 127.0.0.1 that sends whatever bytes it is told to.
class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // What the other side does not take any more is lost without an error.
  void send(std::string_view bytes);
  // No more will come.
  void finish();
  // The next answer; nothing if the connection ends before one is complete. `has_body`: false for the answer to a HEAD.
  std::optional<HttpAnswer> receive(bool has_body = true);
  // Whether the other side has ended the connection after all that was received. Waits until it sends something or ends.
  bool at_end();

 private:
  bool read_more();

  int fd_ = -1;
  std::string received_;
};

}  // namespace strata::server::admin
