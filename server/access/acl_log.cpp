#include "server/access/acl_log.h"

#include <algorithm>
#include <utility>

namespace strata::server {
namespace {

constexpr std::size_t kLookedAt = 10;  // entries that may be the same
constexpr std::int64_t kSameWithinMs = 60'000;

}  // namespace

void AclLog::set_most_entries(std::size_t entries) {
  const std::scoped_lock lock(mutex_);
  most_ = entries;
  if (newest_first_.size() > most_) newest_first_.resize(most_);
}

void AclLog::add(Reason reason, std::string_view object, std::string_view user, std::string client, std::int64_t now_ms) {
  refusals_[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
  Entry entry{.reason = reason,
              .object = std::string(object.substr(0, kKeptBytes)),
              .user = std::string(user.substr(0, kKeptBytes)),
              .client = std::move(client),
              .created_ms = now_ms,
              .updated_ms = now_ms};
  const std::scoped_lock lock(mutex_);
  const auto end = newest_first_.begin() + static_cast<std::ptrdiff_t>(std::min(kLookedAt, newest_first_.size()));
  const auto same = std::find_if(newest_first_.begin(), end, [&entry](const Entry& known) {
    return known.reason == entry.reason && known.object == entry.object && known.user == entry.user &&
           std::max(entry.updated_ms - known.updated_ms, known.updated_ms - entry.updated_ms) <= kSameWithinMs;
  });
  if (same != end) {
    entry.count = same->count + 1;
    entry.id = same->id;
    entry.created_ms = same->created_ms;
    newest_first_.erase(same);
  } else {
    entry.id = next_id_++;
  }
  newest_first_.push_front(std::move(entry));
  if (newest_first_.size() > most_) newest_first_.pop_back();
}

std::vector<AclLog::Entry> AclLog::last(std::size_t count) const {
  const std::scoped_lock lock(mutex_);
  return {newest_first_.begin(), newest_first_.begin() + static_cast<std::ptrdiff_t>(std::min(count, newest_first_.size()))};
}

void AclLog::reset() {
  std::deque<Entry> gone;
  const std::scoped_lock lock(mutex_);
  gone.swap(newest_first_);
}

}  // namespace strata::server
