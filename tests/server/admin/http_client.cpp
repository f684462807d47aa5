#include "tests/server/admin/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace strata::server::admin {

HttpClient::HttpClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

HttpClient::~HttpClient() { ::close(fd_); }

void HttpClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void HttpClient::finish() { ::shutdown(fd_, SHUT_WR); }

bool HttpClient::read_more() {
  std::array<char, 16384> buffer{};
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  received_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

std::optional<HttpAnswer> HttpClient::receive(bool has_body) {
  std::size_t head_end = 0;
  while ((head_end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more()) return std::nullopt;
  }
  HttpAnswer answer;
  const std::string head = received_.substr(0, head_end + 2);
  received_.erase(0, head_end + 4);
  answer.status = static_cast<unsigned>(std::stoul(head.substr(9, 3)));
  for (std::size_t line = head.find("\r\n") + 2; line < head.size(); line = head.find("\r\n", line) + 2) {
    const std::size_t colon = head.find(": ", line);
    answer.headers[head.substr(line, colon - line)] = head.substr(colon + 2, head.find("\r\n", line) - colon - 2);
  }
  if (!has_body || !answer.headers.contains("Content-Length")) return answer;
  const std::size_t length = std::stoul(answer.headers["Content-Length"]);
  while (received_.size() < length) {
    if (!read_more()) return std::nullopt;
  }
  answer.body = received_.substr(0, length);
  received_.erase(0, length);
  return answer;
}

bool HttpClient::at_end() { return received_.empty() && !read_more(); }

}  // namespace strata::server::admin
