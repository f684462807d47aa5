#include "server/commands/command_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/api/strata.hpp"
#include "server/commands/client.h"
#include "server/commands/secret_words.h"

namespace strata::server {
namespace {

constexpr std::size_t kMostWords = 32;
constexpr std::size_t kMostWordBytes = 128;

std::string shortened(std::string_view word) {
  if (word.size() <= kMostWordBytes) return std::string(word);
  return fmt::format("{}... ({} more bytes)", word.substr(0, kMostWordBytes), word.size() - kMostWordBytes);
}

// The last place tells how many there are beside those shown.
std::vector<std::string> kept_of(std::span<const std::string_view> words, const Command& command) {
  const std::size_t shown = words.size() > kMostWords ? kMostWords - 1 : words.size();
  std::vector<std::string> kept;
  kept.reserve(shown + 1);
  for (std::size_t i = 0; i < shown; ++i) kept.push_back(is_secret_word(command, words, i) ? "(redacted)" : shortened(words[i]));
  if (shown != words.size()) kept.push_back(fmt::format("... ({} more arguments)", words.size() - shown));
  return kept;
}

std::uint64_t threshold_of(std::int64_t number, std::uint64_t factor = 1) {
  return number < 0 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(number) * factor;
}

}  // namespace

void CommandLog::set(const Thresholds& thresholds) {
  at_ns_.store(threshold_of(thresholds.slow_us, 1000), std::memory_order_relaxed);
  at_reply_bytes_.store(threshold_of(thresholds.reply_bytes), std::memory_order_relaxed);
  at_request_bytes_.store(threshold_of(thresholds.request_bytes), std::memory_order_relaxed);
  const std::scoped_lock lock(mutex_);
  most_ = thresholds.entries;
  look_.ask(CloserLook::Asker::log, {.nanoseconds = at_ns_.load(std::memory_order_relaxed),
                                     .reply_bytes = at_reply_bytes_.load(std::memory_order_relaxed),
                                     .request_bytes = at_request_bytes_.load(std::memory_order_relaxed)});
  for (Entries& entries : entries_) {
    if (entries.newest_first.size() > most_) entries.newest_first.resize(most_);
  }
}

KeptWords::KeptWords(Budget& budget, std::span<const std::string_view> words, const Command& command)
    : words_(kept_of(words, command)), charged_(budget) {
  std::size_t bytes = sizeof *this;
  for (const std::string& word : words_) bytes += sizeof word + word.capacity();
  charged_.set(bytes);
}

void CommandLog::note_request(std::span<const std::string_view> words, const Command& command, const Client& client,
                              std::int64_t now_ms) {
  const std::uint64_t at_bytes = at_request_bytes_.load(std::memory_order_relaxed);
  if (at_bytes == kNever) return;
  std::uint64_t bytes = 0;
  for (const std::string_view word : words) bytes += word.size();
  if (bytes >= at_bytes) add(Kind::large_request, bytes, {.words = words}, command, client, now_ms);
}

void CommandLog::add(Kind kind, std::uint64_t number, const Measured& measured, const Command& command, const Client& client,
                     std::int64_t now_ms) {
  Entry entry{.id = 0,
              .at_s = now_ms / 1000,
              .measured = number,
              .words = measured.kept != nullptr ? measured.kept->words() : kept_of(measured.words, command),
              .client_address = client.identity().peer_address,
              .client_name = client.name()};
  // What goes is destroyed when the lock is given back.
  std::deque<Entry> gone;
  const std::scoped_lock lock(mutex_);
  if (most_ == 0) return;
  Entries& entries = entries_[index_of(kind)];
  entry.id = entries.next_id++;
  entries.newest_first.push_front(std::move(entry));
  if (entries.newest_first.size() <= most_) return;
  gone.push_back(std::move(entries.newest_first.back()));
  entries.newest_first.pop_back();
}

std::vector<CommandLog::Entry> CommandLog::last(Kind kind, std::size_t count, std::uint64_t before) const {
  const std::scoped_lock lock(mutex_);
  const std::deque<Entry>& all = entries_[index_of(kind)].newest_first;
  // The ids fall by one from the first on.
  const bool skips = !all.empty() && before <= all.front().id;
  const std::size_t skipped = skips ? std::min<std::uint64_t>(all.front().id - before + 1, all.size()) : 0;
  const auto first = all.begin() + static_cast<std::ptrdiff_t>(skipped);
  return {first, first + static_cast<std::ptrdiff_t>(std::min(count, all.size() - skipped))};
}

std::size_t CommandLog::size(Kind kind) const {
  const std::scoped_lock lock(mutex_);
  return entries_[index_of(kind)].newest_first.size();
}

void CommandLog::reset(Kind kind) {
  std::deque<Entry> gone;
  const std::scoped_lock lock(mutex_);
  gone.swap(entries_[index_of(kind)].newest_first);
}

}  // namespace strata::server
