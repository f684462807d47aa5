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
#include "server/commands/monitor_feed.h"
#include "server/commands/table.h"

namespace strata::server {

class AclUser;
class KeptWords;

// What the server knows about one client. The event loop that owns the connection writes it; other threads read it for
// CLIENT LIST and the admin API: hence single-writer atomics (relaxed), and a lock around the texts.
class Client : public std::enable_shared_from_this<Client> {
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
  // Of the user it acts as.
  [[nodiscard]] std::string user_name() const { return text(user_name_); }
  void set_user_name(std::string_view name) { set_text(user_name_, name); }

  enum class Reason : std::uint8_t { holds_most, killed, user_gone };
  // Who serves it says how it is disconnected: at once or soon, from any thread, without waiting. Empty: it is gone.
  void set_disconnect(std::function<void(Reason)> disconnect);
  // Does so; once. False: somebody has, or it has left.
  bool disconnect(Reason reason);

  // Who serves it says how it is made to look whether what it waits for has come, or lines of its watcher have: as above.
  void set_wake(std::function<void()> wake);
  void wake();

  // A command of its that waits for others, until it is answered, or CLIENT UNBLOCK ends that. Its loop says so; unblock() from any thread.
  enum class Wait : std::uint8_t { none, waits, ended, ended_with_error };
  [[nodiscard]] Wait wait() const noexcept { return wait_.load(std::memory_order_acquire); }
  void set_wait(Wait wait) noexcept { wait_.store(wait, std::memory_order_release); }
  // False: it does not wait.
  bool unblock(bool with_error);

  // Not to be the one that holds most (CLIENT NO-EVICT).
  [[nodiscard]] bool is_spared() const noexcept { return is_spared_.load(std::memory_order_relaxed); }
  void set_spared(bool on) noexcept { is_spared_.store(on, std::memory_order_relaxed); }

  // Whether its reads renew what the policy knows of keys (CLIENT NO-TOUCH says no).
  [[nodiscard]] bool is_touching() const noexcept { return is_touching_.load(std::memory_order_relaxed); }
  void set_touching(bool on) noexcept { is_touching_.store(on, std::memory_order_relaxed); }
  [[nodiscard]] bool is_watching() const noexcept { return is_watching_.load(std::memory_order_relaxed); }
  // Its loop alone.
  void set_watcher(std::shared_ptr<MonitorFeed::Watcher> watcher) {
    watcher_ = std::move(watcher);
    is_watching_.store(watcher_ != nullptr, std::memory_order_relaxed);
  }
  [[nodiscard]] const std::shared_ptr<MonitorFeed::Watcher>& watcher() const noexcept { return watcher_; }

  // Which replies it gets (CLIENT REPLY): all, none, or all but that of the next command.
  enum class Replies : std::uint8_t { all, none, skip_next, skip_this };

  // Only the owning loop reads and writes these.
  bool authenticated = false;
  bool close_after_reply = false;
  Replies replies = Replies::all;
  // What the slices of its suspended command came to until now.
  struct Sliced {
    std::uint64_t nanoseconds = 0;
    std::uint64_t reply_bytes = 0;
    std::shared_ptr<const KeptWords> request;
  };
  Sliced sliced;
  // As whom it acts; AclRegistry keeps this.
  struct Access {
    std::shared_ptr<const AclUser> user;
    std::uint64_t known_at = 0;  // the pass of the gate when this was found
    std::uint64_t pass = 0;      // the same if it may do everything, or CommandGate::kNone
  };
  Access access;

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
  std::atomic<bool> is_touching_{true};
  std::atomic<bool> is_watching_{false};
  std::atomic<Wait> wait_{Wait::none};
  std::shared_ptr<MonitorFeed::Watcher> watcher_;
  std::mutex loop_mutex_;  // of the two below
  std::function<void(Reason)> disconnect_;
  std::function<void()> wake_;
  mutable std::mutex texts_mutex_;
  std::string name_;
  std::string library_name_;
  std::string library_version_;
  std::string user_name_ = "default";
};

// All clients connected now. Thread safety: all functions, from any thread.
class ClientRegistry {
 public:
  [[nodiscard]] std::uint64_t next_id() noexcept { return next_id_.fetch_add(1, std::memory_order_relaxed); }
  // The largest that was given; 0: none was.
  [[nodiscard]] std::uint64_t last_id() const noexcept { return next_id_.load(std::memory_order_relaxed) - 1; }
  void add(std::shared_ptr<Client> client);
  void remove(std::uint64_t id);
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  // A null pointer: there is none.
  [[nodiscard]] std::shared_ptr<Client> find(std::uint64_t id) const;
  // At most `count` of those with a larger id than `after`, in order of their id. All of them: see client_walk.h.
  [[nodiscard]] std::vector<std::shared_ptr<Client>> page(std::uint64_t after, std::size_t count) const;
  // Clients whose command waits for others (Client::wait).
  [[nodiscard]] std::uint64_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }
  void count_waiting(std::int64_t more) noexcept {
    waiting_.fetch_add(static_cast<std::uint64_t>(more), std::memory_order_relaxed);
  }
  // Disconnects the one that holds most memory; nobody as long as the last one is still here.
  void disconnect_largest();

 private:
  std::atomic<std::uint64_t> next_id_{1};
  std::atomic<std::size_t> size_{0};
  std::atomic<std::uint64_t> waiting_{0};
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Client>> clients_;
  std::uint64_t disconnected_ = 0;  // the last one, by disconnect_largest
};

}  // namespace strata::server
