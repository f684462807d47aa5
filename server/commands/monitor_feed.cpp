#include "server/commands/monitor_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "server/commands/client.h"
#include "server/commands/secret_words.h"
#include "server/commands/table.h"

namespace strata::server {
namespace {

// A pattern is not compared with more of a request than this.
constexpr std::size_t kMatchedWords = 64;
constexpr std::size_t kMatchedBytes = 1024;

// As Redis writes strings that may hold anything.
void append_quoted(std::string& line, std::string_view word) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  line += '"';
  for (const char c : word) {
    switch (c) {
      case '\\': line += "\\\\"; break;
      case '"': line += "\\\""; break;
      case '\n': line += "\\n"; break;
      case '\r': line += "\\r"; break;
      case '\t': line += "\\t"; break;
      case '\a': line += "\\a"; break;
      case '\b': line += "\\b"; break;
      default:
        if (c >= ' ' && c <= '~') {
          line += c;
        } else {
          const auto byte = static_cast<unsigned char>(c);
          line += "\\x";
          line += kHex[byte >> 4U];
          line += kHex[byte & 15U];
        }
    }
  }
  line += '"';
}

void append_word(std::string& line, std::string_view word) {
  line += ' ';
  if (word.size() <= MonitorFeed::kMostWordBytes) return append_quoted(line, word);
  std::string shown(word.substr(0, MonitorFeed::kMostWordBytes));
  fmt::format_to(std::back_inserter(shown), "... ({} more bytes)", word.size() - MonitorFeed::kMostWordBytes);
  append_quoted(line, shown);
}

// Of now, to the microsecond.
std::string time_text() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t now_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  return fmt::format("{}.{:06}", now_us / 1'000'000, now_us % 1'000'000);
}

std::string line_of(const Command& command, std::span<const std::string_view> words, const Client& client,
                    std::string_view time) {
  const std::string& address = client.identity().peer_address;
  const bool is_unix = address.find('/') != std::string::npos;
  std::string line = fmt::format("+{} [{} {}{}]", time, client.database(), is_unix ? "unix:" : "", address);
  const std::size_t shown = std::min(words.size(), MonitorFeed::kMostWords);
  for (std::size_t i = 0; i < shown; ++i)
    append_word(line, is_secret_word(command, words, i) ? std::string_view("(redacted)") : words[i]);
  if (shown != words.size()) append_word(line, fmt::format("... ({} more arguments)", words.size() - shown));
  line += "\r\n";
  return line;
}

}  // namespace

MonitorFeed::Watcher::~Watcher() { budget_.charge(Purpose::client_buffers, -static_cast<std::int64_t>(pending_.size())); }

std::string MonitorFeed::Watcher::take() {
  const std::scoped_lock lock(mutex_);
  is_told_ = false;
  budget_.charge(Purpose::client_buffers, -static_cast<std::int64_t>(pending_.size()));
  return std::exchange(pending_, {});
}

bool MonitorFeed::Watcher::wants(const Command& command, std::span<const std::string_view> words, std::uint64_t client_id) const {
  if (filter_.client_id != 0 && filter_.client_id != client_id) return false;
  const auto is_one = [&](const Command* one) { return one == &command || one == command.container; };
  if (!filter_.commands.empty() && std::none_of(filter_.commands.begin(), filter_.commands.end(), is_one)) return false;
  if (filter_.pattern.empty()) return true;
  const std::size_t last = std::min(words.size(), kMatchedWords + 1);
  for (std::size_t i = 1; i < last; ++i) {
    if (!is_secret_word(command, words, i) && cache::glob_match(filter_.pattern, words[i].substr(0, kMatchedBytes))) return true;
  }
  return false;
}

bool MonitorFeed::Watcher::admit(std::int64_t now_ms, std::uint32_t usual_rate) {
  const std::uint32_t asked = filter_.lines_a_second;
  const std::uint32_t rate = asked == 0 || usual_rate == 0 ? std::max(asked, usual_rate) : std::min(asked, usual_rate);
  const std::scoped_lock lock(mutex_);
  if (now_ms / 1000 != second_) {
    second_ = now_ms / 1000;
    lines_in_second_ = 0;
  }
  if ((rate == 0 || lines_in_second_ < rate) && pending_.size() < kMostPendingBytes) {
    ++lines_in_second_;
    return true;
  }
  ++left_out_;
  return false;
}

void MonitorFeed::Watcher::append(std::string_view line, std::string_view time) {
  std::unique_lock lock(mutex_);
  const std::size_t before = pending_.size();
  if (left_out_ != 0) {
    fmt::format_to(std::back_inserter(pending_), "+{} [0 monitor] \"{} commands were left out\"\r\n", time,
                   std::exchange(left_out_, 0));
  }
  pending_.append(line);
  budget_.charge(Purpose::client_buffers, static_cast<std::int64_t>(pending_.size() - before));
  const bool tell = !std::exchange(is_told_, true);
  lock.unlock();
  if (!tell) return;
  if (const auto client = client_.lock()) client->wake();
}

std::shared_ptr<const MonitorFeed::Watchers> MonitorFeed::all() const {
  const std::scoped_lock lock(mutex_);
  return watchers_;
}

void MonitorFeed::set_watched(bool on) {
  watched_.store(on, std::memory_order_relaxed);
  look_.ask(CloserLook::Asker::monitors, {.nanoseconds = on ? 0 : CloserLook::kNever});
}

std::size_t MonitorFeed::watchers() const { return all()->size(); }

std::shared_ptr<MonitorFeed::Watcher> MonitorFeed::add(Budget& budget, Filter filter, std::weak_ptr<Client> client) {
  auto watcher = std::make_shared<Watcher>(budget, std::move(filter), std::move(client));
  const std::scoped_lock lock(mutex_);
  Watchers more = *watchers_;
  more.push_back(watcher);
  watchers_ = std::make_shared<const Watchers>(std::move(more));
  set_watched(true);
  return watcher;
}

void MonitorFeed::remove(const std::shared_ptr<Watcher>& watcher) {
  const std::scoped_lock lock(mutex_);
  Watchers fewer = *watchers_;
  std::erase(fewer, watcher);
  set_watched(!fewer.empty());
  watchers_ = std::make_shared<const Watchers>(std::move(fewer));
}

void MonitorFeed::tell(const Command& command, std::span<const std::string_view> words, const Client& client,
                       std::int64_t now_ms) {
  std::string line;
  std::string time;
  const std::shared_ptr<const Watchers> watchers = all();  // those of now, whoever goes meanwhile
  for (const auto& watcher : *watchers) {
    if (!watcher->wants(command, words, client.identity().id)) continue;
    if (!watcher->admit(now_ms, rate_.load(std::memory_order_relaxed))) {
      left_out_.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    if (line.empty()) {
      time = time_text();
      line = line_of(command, words, client, time);
    }
    watcher->append(line, time);
    lines_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace strata::server
