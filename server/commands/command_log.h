#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/commands/charged_bytes.h"
#include "server/commands/closer_look.h"

namespace strata::server {

class Client;
struct Command;

// What the log keeps of a request that goes in slices, until it is over. Charged to the client buffers. Thread safety: immutable.
class KeptWords {
 public:
  KeptWords(Budget& budget, std::span<const std::string_view> words, const Command& command);
  [[nodiscard]] const std::vector<std::string>& words() const noexcept { return words_; }

 private:
  std::vector<std::string> words_;
  ChargedBytes charged_;
};

// The last commands that took long, and those whose request or reply was large: what SLOWLOG and COMMANDLOG tell of. Redis' limits on what is
// kept of a command: 32 words of 128 bytes; words that hold a secret are not kept.
// Thread safety: all functions, from any thread.
class CommandLog {
 public:
  enum class Kind : std::uint8_t { slow, large_request, large_reply };
  static constexpr std::size_t kKinds = 3;

  // A command is noted where it takes or holds as much, or more. Less than 0: never.
  struct Thresholds {
    std::int64_t slow_us = 10'000;
    std::int64_t request_bytes = 1 << 20;
    std::int64_t reply_bytes = 1 << 20;
    std::size_t entries = 128;  // of each kind
  };
  struct Entry {
    std::uint64_t id = 0;
    std::int64_t at_s = 0;
    std::uint64_t measured = 0;  // microseconds, or bytes
    std::vector<std::string> words;
    std::string client_address;
    std::string client_name;
  };
  // What a command came to, when it is over, and its request.
  struct Measured {
    std::uint64_t nanoseconds = 0;
    std::uint64_t reply_bytes = 0;
    std::span<const std::string_view> words;
    const KeptWords* kept = nullptr;  // instead of the words, if these are gone
  };

  // It asks `look` for what it may have to note.
  explicit CommandLog(CloserLook& look) : look_(look) {}

  void set(const Thresholds& thresholds);

  // When it is there.
  void note_request(std::span<const std::string_view> words, const Command& command, const Client& client, std::int64_t now_ms);
  void note(const Measured& measured, const Command& command, const Client& client, std::int64_t now_ms) {
    if (measured.nanoseconds >= at_ns_.load(std::memory_order_relaxed)) [[unlikely]]
      add(Kind::slow, measured.nanoseconds / 1000, measured, command, client, now_ms);
    if (measured.reply_bytes >= at_reply_bytes_.load(std::memory_order_relaxed)) [[unlikely]]
      add(Kind::large_reply, measured.reply_bytes, measured, command, client, now_ms);
  }

  // The newest first, at most `count`, of those with an id below `before`.
  [[nodiscard]] std::vector<Entry> last(Kind kind, std::size_t count, std::uint64_t before = ~std::uint64_t{0}) const;
  [[nodiscard]] std::size_t size(Kind kind) const;
  void reset(Kind kind);

 private:
  struct Entries {
    std::deque<Entry> newest_first;
    std::uint64_t next_id = 0;
  };

  void add(Kind kind, std::uint64_t number, const Measured& measured, const Command& command, const Client& client,
           std::int64_t now_ms);
  [[nodiscard]] static constexpr std::size_t index_of(Kind kind) noexcept { return static_cast<std::size_t>(kind); }

  static constexpr std::uint64_t kNever = CloserLook::kNever;
  CloserLook& look_;
  std::atomic<std::uint64_t> at_ns_{kNever}, at_reply_bytes_{kNever}, at_request_bytes_{kNever};

  mutable std::mutex mutex_;
  std::size_t most_ = 0;  // of each kind
  std::array<Entries, kKinds> entries_;
};

}  // namespace strata::server
