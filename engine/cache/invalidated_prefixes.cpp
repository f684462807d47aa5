#include "engine/cache/invalidated_prefixes.h"

#include <memory>
#include <utility>

namespace strata::cache {

std::size_t InvalidatedPrefixes::View::bytes() const noexcept {
  std::size_t bytes = sizeof(View) + rules_.capacity() * sizeof(Rule);
  for (const Rule& rule : rules_) bytes += rule.prefix.capacity() + sizeof(*rule.items);
  return bytes;
}

InvalidatedPrefixes::~InvalidatedPrefixes() {
  if (View* const view = view_.load(std::memory_order_relaxed)) free(*view, nullptr);
}

void InvalidatedPrefixes::free(sync::qsbr::Retired& view, void*) noexcept {
  const auto& own = static_cast<View&>(view);
  own.budget_->charge(Purpose::policy, -static_cast<std::int64_t>(own.bytes()));
  delete &own;
}

bool InvalidatedPrefixes::add(Keyspace keyspace, std::string_view prefix, sync::qsbr::Participant& participant, Ticket& ticket) {
  std::vector<View::Rule> rules;
  if (const View* const now = view()) {
    rules.reserve(now->rules_.size() + 1);
    for (const View::Rule& rule : now->rules_) {
      if (rule.keyspace != keyspace || !rule.prefix.starts_with(prefix)) rules.push_back(rule);
    }
  }
  if (rules.size() >= kMost) return false;
  const auto items = std::make_shared<std::atomic<std::uint64_t>>(0);
  rules.push_back({.prefix = std::string(prefix), .epoch = newest_ + 1, .keyspace = keyspace, .items = items});
  ++newest_;
  try {
    show(std::move(rules), participant);
  } catch (...) {
    --newest_;
    throw;
  }
  ticket = {.epoch = newest_, .items = items};
  return true;
}

void InvalidatedPrefixes::end_round(sync::qsbr::Participant& participant) {
  const View* const now = view();
  if (now == nullptr) return;
  std::vector<View::Rule> rules;
  for (const View::Rule& rule : now->rules_) {
    if (rule.epoch > swept_up_to_) rules.push_back(rule);
  }
  if (rules.size() != now->rules_.size()) show(std::move(rules), participant);
}

void InvalidatedPrefixes::show(std::vector<View::Rule> rules, sync::qsbr::Participant& participant) {
  std::unique_ptr<View> next;
  if (!rules.empty()) {
    next = std::make_unique<View>();
    next->rules_ = std::move(rules);
    next->newest_ = newest_;
    next->budget_ = &budget_;
    budget_.charge(Purpose::policy, static_cast<std::int64_t>(next->bytes()));
  }
  count_.store(next == nullptr ? 0 : next->rules_.size(), std::memory_order_relaxed);
  View* const before = view_.exchange(next.release(), std::memory_order_acq_rel);
  // Its bytes are no reason to wait for readers.
  if (before != nullptr) static_cast<void>(participant.retire(*before, before->bytes(), free));
}

}  // namespace strata::cache
