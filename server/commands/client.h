#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/strata.hpp"
#include "server/commands/table.h"

namespace strata::server {

// What the server knows about one client. The event loop that owns the connection writes it; other threads read it for
// CLIENT LIST and the admin API: hence single-writer atomics (relaxed), and a lock around the texts.
class Client {
 public:
  // What is known when the connection is accepted; never changes.
  struct Identity {
    std::uint64_t id = 0;
    int fd = -1;
    std::string peer_address;  // "127.0.0.1:50614"; the path for a unix socket
    std::string local_address;
    std::int64_t connected_at_ms = 0;
  };

  explicit Client(Identity identity) : identity_(std::move(identity)) {}

  [[nodiscard]] const Identity& identity() const noexcept { return identity_; }

  [[nodiscard]] Namespace database() const noexcept { return database_.load(std::memory_order_relaxed); }
  void set_database(Namespace ns) noexcept { database_.store(ns, std::memory_order_relaxed); }
  [[nodiscard]] bool resp3() const noexcept { return resp3_.load(std::memory_order_relaxed); }
  void set_resp3(bool on) noexcept { resp3_.store(on, std::memory_order_relaxed); }

  [[nodiscard]] std::string name() const { return text(name_); }
  void set_name(std::string_view name) { set_text(name_, name); }
  [[nodiscard]] std::string library_name() const { return text(library_name_); }
  void set_library_name(std::string_view name) { set_text(library_name_, name); }
  [[nodiscard]] std::string library_version() const { return text(library_version_); }
  void set_library_version(std::string_view version) { set_text(library_version_, version); }

  enum class Reason : std::uint8_t { holds_most, killed };
  // Who serves it says how it is disconnected: at once or soon, from any thread, without waiting. Empty: it is gone.
  void set_disconnect(std::function<void(Reason)> disconnect);
  // Does so; once. False: somebody has, or it has left.
  bool disconnect(Reason reason);

  // Not to be the one that holds most (CLIENT NO-EVICT).
  [[nodiscard]] bool is_spared() const noexcept { return is_spared_.load(std::memory_order_relaxed); }
  void set_spared(bool on) noexcept { is_spared_.store(on, std::memory_order_relaxed); }

  // Only the owning loop reads and writes these.
  bool authenticated = false;
  bool close_after_reply = false;

  // Written once per turn of the loop.
  struct Activity {
    std::atomic<std::int64_t> last_active_ms{0};
    std::atomic<const Command*> last_command{nullptr};
    std::atomic<std::uint64_t> query_buffer_bytes{0};  // capacity held
    std::atomic<std::uint64_t> query_buffer_used_bytes{0};
    std::atomic<std::uint64_t> output_bytes{0};
    std::atomic<std::uint64_t> output_segments{0};
    std::atomic<std::uint64_t> received_bytes{0};  // of large values that are not complete
  };
  Activity activity;
  // Memory that is there for it.
  [[nodiscard]] std::uint64_t held_bytes() const noexcept;

 private:
  std::string text(const std::string& field) const {
    const std::scoped_lock lock(texts_mutex_);
    return field;
  }
  void set_text(std::string& field, std::string_view value) {
    const std::scoped_lock lock(texts_mutex_);
    field.assign(value);
  }

  Identity identity_;
  std::atomic<Namespace> database_{0};
  std::atomic<bool> resp3_{false};
  std::atomic<bool> is_spared_{false};
  std::mutex disconnect_mutex_;
  std::function<void(Reason)> disconnect_;
  mutable std::mutex texts_mutex_;
  std::string name_;
  std::string library_name_;
  std::string library_version_;
};

// All clients connected now. Thread safety: all functions, from any thread.
class ClientRegistry {
 public:
  [[nodiscard]] std::uint64_t next_id() noexcept { return next_id_.fetch_add(1, std::memory_order_relaxed); }
  void add(std::shared_ptr<Client> client);
  void remove(std::uint64_t id);
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  // In order of their id.
  [[nodiscard]] std::vector<std::shared_ptr<Client>> snapshot() const;
  // At most `count` of those with a larger id than `after`, in order of their id.
  [[nodiscard]] std::vector<std::shared_ptr<Client>> page(std::uint64_t after, std::size_t count) const;
  // Null: there is none.
  [[nodiscard]] std::shared_ptr<Client> find(std::uint64_t id) const;
  // Disconnects the one that holds most memory; nobody as long as the last one is still here.
  void disconnect_largest();

 private:
  std::atomic<std::uint64_t> next_id_{1};
  std::atomic<std::size_t> size_{0};
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Client>> clients_;
  std::uint64_t disconnected_ = 0;  // the last one, by disconnect_largest
};

}  // namespace strata::server
