#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace strata::server {

// What was refused, and to whom: what ACL LOG tells of. The same, within a minute, is one entry that counts. Of what was asked for, and of the name that
// somebody gave, the first kKeptBytes are kept. Thread safety: all functions, from any thread.
class AclLog {
 public:
  enum class Reason : std::uint8_t { auth, command, key, channel };
  static constexpr std::array<std::string_view, 4> kReasonNames = {"auth", "command", "key", "channel"};
  static constexpr std::size_t kKeptBytes = 1024;

  struct Entry {
    Reason reason = Reason::auth;
    std::string object;  // the command, the key, the channel; of a wrong password the command that gave it
    std::string user;
    std::string client;  // its line of CLIENT LIST at the last time
    std::uint64_t count = 1;
    std::uint64_t id = 0;
    std::int64_t created_ms = 0;
    std::int64_t updated_ms = 0;
  };

  void set_most_entries(std::size_t entries);
  void add(Reason reason, std::string_view object, std::string_view user, std::string client, std::int64_t now_ms);

  // The newest first, at most `count`.
  [[nodiscard]] std::vector<Entry> last(std::size_t count) const;
  void reset();
  // Refusals since the start.
  [[nodiscard]] std::uint64_t refusals(Reason reason) const noexcept {
    return refusals_[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
  }

 private:
  mutable std::mutex mutex_;
  std::size_t most_ = 128;
  std::uint64_t next_id_ = 0;
  std::deque<Entry> newest_first_;
  std::array<std::atomic<std::uint64_t>, 4> refusals_{};
};

}  // namespace strata::server
