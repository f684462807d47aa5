#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace strata::server {

// How a read or a write that never blocks ended.
enum class IoStatus : std::uint8_t {
  ok,           // `bytes` were moved
  would_block,  // nothing now: wait for readiness
  closed,       // the peer has ended its side (reads), or the connection is gone
};

struct IoResult {
  IoStatus status = IoStatus::would_block;
  std::size_t bytes = 0;
};

// Who is told that a transport is ready.
class TransportListener {
 public:
  virtual ~TransportListener() = default;
  virtual void on_readable() = 0;
  virtual void on_writable() = 0;
};

// A byte stream to one client: TCP or unix socket, or TLS over one. Waiting is asynchronous, reading and writing never
// block. Ownership: of the socket. Thread safety: none; only the loop it belongs to uses it.
class Transport {
 public:
  virtual ~Transport() = default;

  // Fills the buffers in order.
  virtual IoResult read(std::span<const iovec> buffers) noexcept = 0;
  virtual IoResult write(std::span<const iovec> buffers) noexcept = 0;

  // Whether the peer has ended its side and nothing is left to read.
  [[nodiscard]] virtual bool peer_has_closed() noexcept = 0;

  // Memory of what was taken from write() and is not sent yet; and whether there is nothing of it. It is sent before on_writable() is called.
  [[nodiscard]] std::size_t held_bytes() const noexcept { return held_bytes_; }
  [[nodiscard]] bool is_flushed() const noexcept { return is_flushed_; }

  // Who is told when it is ready; kept alive until `close`, and while it is told. Once, before waiting.
  virtual void listen(std::shared_ptr<TransportListener> listener) = 0;
  // Each has the listener told once.
  virtual void wait_readable() = 0;
  virtual void wait_writable() = 0;
  // Ends all waits, and the connection.
  virtual void close() noexcept = 0;

 protected:
  // Kept by those that hold something: each turn of a connection asks.
  std::size_t held_bytes_ = 0;
  bool is_flushed_ = true;
};

}  // namespace strata::server
