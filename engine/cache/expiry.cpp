// What has expired and nobody asks for is taken out segment by segment: what lies side by side goes together, and so does what became of
// the same age. ItemMemory, "Expiry", says which segments are walked, and when.
#include <algorithm>
#include <array>
#include <optional>

#include "engine/cache/cache.h"
#include "engine/cache/cache_core.h"
#include "engine/cache/update.h"

namespace strata::cache {
namespace {

using Time = std::chrono::steady_clock;

// As many as are retired together.
constexpr std::size_t kChunksPerHold = 60;
// Of the memory of a few gigabytes the headers are looked at each time. Of more, at most 512 in a millisecond: a hundredth of a core, at 20 ns each.
constexpr std::size_t kDomainsAtOnce = 16;
constexpr std::size_t kDomainsPerMs = 4;
// What could not be removed: its writer has not published it yet, or it waits for readers.
constexpr std::int64_t kAgainAfterMs = 1000;

struct ExpiredItem {
  std::uint64_t offset = 0;
  std::uint64_t hash = 0;
  Keyspace keyspace = 0;
};

}  // namespace

bool Cache::expire_in_domain(Session& session, std::uint32_t domain, UpkeepReport& report) noexcept {
  const std::int64_t now_ms = session.now_ms();
  std::array<ExpiredItem, kChunksPerHold> expired;
  std::size_t count = 0;
  const bool goes_on = core_->memory.walk_expired(domain, now_ms, kChunksPerHold, [&](const ItemChunk& chunk) {
    const StoredItem item = core_->store.at(chunk.offset);
    const std::int64_t expiry_ms = item.expiry_ms(now_ms);
    if (expiry_ms > now_ms) return expiry_ms;
    const Keyspace keyspace = item.ns();
    const std::uint64_t hash = core_->hash_of(item.key(), keyspace);
    core_->shard_of(hash).prefetch(hash);
    core_->ghosts.prefetch(hash);
    expired[count++] = {.offset = chunk.offset, .hash = hash, .keyspace = keyspace};
    return expiry_ms;
  });
  for (const ExpiredItem& item : std::span(expired).first(count)) {
    const Key key{.bytes = {}, .hash = item.hash, .keyspace = item.keyspace, .place = {}};
    if (remove_expired(*core_, session, key, {.slot = Slot::at(item.offset, 0, SlotPlace::home)})) {
      ++report.expired;
    } else {
      core_->memory.note_expiry(item.offset, now_ms + kAgainAfterMs);
    }
  }
  return goes_on;
}

// A round through every `stride`-th domain; where there are more threads than domains, several share one. A round looks at the header of each segment,
// so the more there are the longer it is until the next one.
bool Cache::expire_some(Session& session, std::size_t first, std::size_t stride, Time::time_point deadline,
                        UpkeepReport& report) noexcept {
  const std::size_t domains = core_->memory.domains(), begin = first % domains, share = (domains - begin + stride - 1) / stride;
  Session::ExpiryRound& round = session.expiry_round_;
  if (round.domains_left == 0) {
    if (session.now_ms() < round.next_ms) return false;
    round = {.domains_left = share};
  }
  round.domains_left = std::min(round.domains_left, share);
  for (; round.domains_left != 0; --round.domains_left) {
    const auto domain = static_cast<std::uint32_t>(begin + (round.domains_left - 1) * stride);
    if (core_->memory.is_empty(domain)) continue;
    for (bool goes_on = true; goes_on;) {
      // What is taken out of the index has to find a place on these lists.
      if (!session.retirement_.prepare(kChunksPerHold)) return true;
      goes_on = expire_in_domain(session, domain, report);
      session.quiescent();
      if (goes_on && Time::now() >= deadline) return true;
    }
    ++round.domains_walked;
    if (Time::now() >= deadline && round.domains_left > 1) {
      --round.domains_left;
      return true;
    }
  }
  if (round.domains_walked > kDomainsAtOnce) round.next_ms = session.now_ms() + static_cast<std::int64_t>(round.domains_walked / kDomainsPerMs);
  return false;
}

std::optional<Cache::Renewal> Cache::renewal_of(const Session& session, StoredItem item) const noexcept {
  constexpr std::int64_t kPartsOfLifetime = 16;
  const std::int64_t lifetime_ms = item.lifetime_ms(), now_ms = session.now_ms();
  if (lifetime_ms == 0) return std::nullopt;
  const std::int64_t expiry_ms = item.expiry_ms(now_ms);
  if (now_ms + lifetime_ms - expiry_ms <= lifetime_ms / kPartsOfLifetime) return std::nullopt;
  return Renewal{.lifetime_ms = lifetime_ms, .expiry_ms = expiry_ms};
}

void Cache::renew(Session& session, const Key& key, const Renewal& renewal) {
  bool renews = false;
  // Somebody else may have changed it, or done this.
  const Status status = update(session, key, [&](Decision& decision) {
    const ItemView* const current = decision.current();
    renews = current != nullptr && current->lifetime_ms == renewal.lifetime_ms && current->expire_at_ms == renewal.expiry_ms;
    if (!renews) return;
    decision.set_expiry(session.now_ms() + renewal.lifetime_ms);
    decision.keep_lifetime(renewal.lifetime_ms);
  });
  if (renews && status == Status::ok) session.counters_.expiries_renewed.add();
}

ExpiryStatistics Cache::expiry_statistics() const noexcept {
  const ItemMemory::Statistics told = core_->memory.statistics();
  return {.walks = told.expiry_walks, .looked = told.expiry_looked};
}

}  // namespace strata::cache
