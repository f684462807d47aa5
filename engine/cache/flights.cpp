#include "engine/cache/flights.h"

#include <utility>

namespace strata::cache {

std::string Flights::name_of(const Key& key) {
  std::string name(1, static_cast<char>(key.ns));
  return name.append(key.bytes);
}

void Flights::wait(Session& session, Stripe& stripe, const Flight& flight) {
  const auto is_over = [&] {
    const sync::MutexLock lock(stripe.mutex);
    return flight.is_over;
  };
  const Pause pause(session);
  waiting_.fetch_add(1, std::memory_order_relaxed);
  while (!is_over()) {
    const sync::EventCount::Ticket ticket = stripe.ended.prepare();
    if (is_over()) {
      stripe.ended.cancel();
      break;
    }
    stripe.ended.wait(ticket);
  }
  waiting_.fetch_sub(1, std::memory_order_relaxed);
}

Flights::Turn Flights::load(Session& session, const Key& key, std::shared_ptr<const Loaded>& shared, bool& recursive) {
  Stripe& stripe = stripe_of(key);
  std::string name = name_of(key);
  std::shared_ptr<Flight> flight;
  bool joins = false;
  recursive = false;
  {
    const sync::MutexLock lock(stripe.mutex);
    auto& known = stripe.flights[name];
    if (known == nullptr) {
      known = std::make_shared<Flight>();
      known->by = std::this_thread::get_id();
      known->is_load = true;
      under_way_.fetch_add(1, std::memory_order_seq_cst);
      return {*this, stripe, std::move(name), known};
    }
    recursive = known->by == std::this_thread::get_id();
    if (recursive) return {};
    flight = known;
    joins = flight->is_load && !flight->is_stale;
  }
  wait(session, stripe, *flight);
  if (joins) {
    const sync::MutexLock lock(stripe.mutex);
    shared = flight->loaded;
  }
  return {};
}

Flights::Turn Flights::write(Session& session, const Key& key) {
  Stripe& stripe = stripe_of(key);
  std::string name = name_of(key);
  for (;;) {
    std::shared_ptr<Flight> before;
    {
      const sync::MutexLock lock(stripe.mutex);
      auto& known = stripe.flights[name];
      if (known == nullptr) {
        known = std::make_shared<Flight>();
        known->by = std::this_thread::get_id();
        under_way_.fetch_add(1, std::memory_order_seq_cst);
        return {*this, stripe, std::move(name), known};
      }
      if (known->by == std::this_thread::get_id()) return {};
      known->is_stale = true;
      before = known;
    }
    wait(session, stripe, *before);
  }
}

void Flights::forget(const Key& key) {
  if (under_way_.load(std::memory_order_seq_cst) == 0) return;
  Stripe& stripe = stripe_of(key);
  const sync::MutexLock lock(stripe.mutex);
  const auto known = stripe.flights.find(name_of(key));
  if (known != stripe.flights.end()) known->second->is_stale = true;
}

void Flights::forget_all() {
  for (Stripe& stripe : stripes_) {
    const sync::MutexLock lock(stripe.mutex);
    for (const auto& [name, flight] : stripe.flights) flight->is_stale = true;
  }
}

Flights::Turn::Turn(Turn&& other) noexcept
    : flights_(other.flights_),
      stripe_(other.stripe_),
      name_(std::move(other.name_)),
      flight_(std::exchange(other.flight_, nullptr)) {}

void Flights::Turn::end(std::shared_ptr<const Loaded> loaded) {
  if (flight_ == nullptr) return;
  {
    const sync::MutexLock lock(stripe_->mutex);
    flight_->loaded = std::move(loaded);
    flight_->is_over = true;
    stripe_->flights.erase(name_);
  }
  flights_->under_way_.fetch_sub(1, std::memory_order_release);
  stripe_->ended.notify_all();
  flight_ = nullptr;
}

}  // namespace strata::cache
