#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/strata.hpp"
#include "server/commands/closer_look.h"

namespace strata::server {

class Client;
struct Command;

// What MONITOR shows: a line for each command that was carried out, on its way to the clients that watch. Watchers cost the others no more than their
// rate allows: a line beyond it, or one that its watcher has no room for because it reads too slowly, is not made, and the watcher is told how many were
// left out.
// Thread safety: all functions, from any thread. To find that nobody watches costs a load that nobody writes.
class MonitorFeed {
 public:
  static constexpr std::size_t kMostPendingBytes = 1U << 20U;  // of one watcher, charged to Purpose::client_buffers
  static constexpr std::size_t kMostWordBytes = 4096;          // of a word that is shown; longer ones end in "... (N more bytes)"
  static constexpr std::size_t kMostWords = 256;               // likewise "... (N more arguments)"

  // Which commands are shown: those for which all holds that is set.
  struct Filter {
    std::string pattern;                   // of the glob kind, that a word behind the name matches; empty: whatever they are
    std::vector<const Command*> commands;  // one of these, or a subcommand of one; empty: any
    std::uint64_t client_id = 0;           // of this client; 0: any
    std::uint32_t lines_a_second = 0;      // no more; 0: as the configuration has it
  };

  // One client that watches. Ownership: shared by the client and the feed.
  class Watcher {
   public:
    Watcher(Budget& budget, Filter filter, std::weak_ptr<Client> client)
        : budget_(budget), filter_(std::move(filter)), client_(std::move(client)) {}
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    // The lines since the last time, encoded as simple strings: the client's now.
    [[nodiscard]] std::string take();

   private:
    friend class MonitorFeed;
    [[nodiscard]] bool wants(const Command& command, std::span<const std::string_view> words, std::uint64_t client_id) const;
    // Whether one more line is due now; if not it is counted as left out.
    [[nodiscard]] bool admit(std::int64_t now_ms, std::uint32_t usual_rate);
    void append(std::string_view line, std::string_view time);

    Budget& budget_;
    const Filter filter_;
    const std::weak_ptr<Client> client_;
    std::mutex mutex_;
    std::string pending_;
    bool is_told_ = false;  // the client knows that there is something to take
    std::int64_t second_ = 0;
    std::uint32_t lines_in_second_ = 0;
    std::uint64_t left_out_ = 0;  // since the last line
  };

  // As long as somebody watches it asks `look` for all commands.
  explicit MonitorFeed(CloserLook& look) : look_(look) {}

  [[nodiscard]] bool is_watched() const noexcept { return watched_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::shared_ptr<Watcher> add(Budget& budget, Filter filter, std::weak_ptr<Client> client);
  void remove(const std::shared_ptr<Watcher>& watcher);
  // `words`: of the request, with the name.
  void tell(const Command& command, std::span<const std::string_view> words, const Client& client, std::int64_t now_ms);

  // Lines a second for each watcher that does not ask for less; 0: no limit.
  void set_rate(std::uint32_t lines_a_second) noexcept { rate_.store(lines_a_second, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t watchers() const;
  [[nodiscard]] std::uint64_t lines() const noexcept { return lines_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t left_out() const noexcept { return left_out_.load(std::memory_order_relaxed); }

 private:
  using Watchers = std::vector<std::shared_ptr<Watcher>>;
  void set_watched(bool on);
  [[nodiscard]] std::shared_ptr<const Watchers> all() const;

  CloserLook& look_;
  std::atomic<bool> watched_{false};
  std::atomic<std::uint32_t> rate_{0};
  std::atomic<std::uint64_t> lines_{0};
  std::atomic<std::uint64_t> left_out_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<const Watchers> watchers_ = std::make_shared<const Watchers>();  // replaced, never changed
};

}  // namespace strata::server
