#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>

#include "engine/cache/key.h"
#include "engine/cache/value_block.h"

namespace strata::cache {

// One item as a visitor sees it. Valid during the visit only; a large value outlives it when its block is pinned.
struct ItemView {
  std::string_view value;
  ValueRef block;                         // set when the value is large: copy it to keep the bytes
  std::int64_t expire_at_ms = kNoExpiry;  // wall clock, milliseconds since 1970
  std::int64_t lifetime_ms = 0;           // that a hit begins anew: ExpiryRules::is_sliding; 0: it does not
};

// A reference to a callable, as std::function_ref of later standards: no ownership, no allocation.
template <typename Signature>
class Visitor;

template <typename... Args>
class Visitor<void(Args...)> {
 public:
  template <typename F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Visitor>)
  // NOLINTNEXTLINE(google-explicit-constructor): callers pass lambdas
  Visitor(F&& callable)
  noexcept
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* object, Args... args) { (*static_cast<std::remove_reference_t<F>*>(object))(args...); }) {}

  void operator()(Args... args) const { call_(object_, args...); }

 private:
  void* object_;
  void (*call_)(void*, Args...);
};

// What an update wants done to a key. The decision function of Cache::update gets one, looks at `current` and calls at
// most one of the others; calling none leaves the item as it is (the access still counts).
// It is asked again, with another current item, where somebody else has changed the key before its decision took effect: the last answer
// counts, so it must not use up what it puts.
class Decision {
 public:
  // Who finds the current item where the decision asks for it.
  class Looker {
   public:
    [[nodiscard]] virtual const ItemView* look() noexcept = 0;

   protected:
    ~Looker() = default;
  };
  explicit Decision(const ItemView* current) noexcept : current_(current) {}
  explicit Decision(Looker& looker) noexcept : looker_(&looker) {}

  // The item as it is now; nullptr when there is none (an expired one counts as none). A decision that does not ask costs a look less.
  [[nodiscard]] const ItemView* current() noexcept {
    if (looker_ != nullptr && !has_looked_) current_ = looker_->look();
    has_looked_ = true;
    return current_;
  }

  void remove() noexcept { action_ = Action::remove; }
  // The new value is `head` followed by `tail`: both must stay valid until update returns; they may point into the current value.
  void put(std::string_view head, std::string_view tail, std::int64_t expire_at_ms) noexcept {
    action_ = Action::put;
    head_ = head;
    tail_ = tail;
    expire_at_ms_ = expire_at_ms;
  }
  void put(std::string_view value, std::int64_t expire_at_ms) noexcept { put(value, {}, expire_at_ms); }
  // Adopts a block without copying it. A block below kLargeValueBytes is copied into the item.
  void put(ValueRef block, std::int64_t expire_at_ms) noexcept {
    action_ = Action::put;
    block_ = std::move(block);
    expire_at_ms_ = expire_at_ms;
  }
  // The new value is the `size` bytes that `write` writes where they are to lie: what is put together from the current value and others is copied
  // once, however large. `write` must stay valid until update returns, and is called with all of what the decision saw still there; as often as the
  // decision is carried out anew.
  void put(std::size_t size, Visitor<void(char*)> write, std::int64_t expire_at_ms) noexcept {
    action_ = Action::put;
    size_ = size;
    write_ = write;
    expire_at_ms_ = expire_at_ms;
  }
  // Behind put or set_expiry: what is given is the expiry that the item, or the one it is moved from, has already. ExpiryRules do not shorten it,
  // and this is the lifetime that a hit begins anew.
  void keep_lifetime(std::int64_t lifetime_ms) noexcept { kept_lifetime_ms_ = lifetime_ms; }
  // Behind put, among several keys: another key of them loses the value. Nothing is added, so the limit does not stand against it.
  void takes_over() noexcept { takes_over_ = true; }
  // Changes the expiry alone; a time that has passed removes the item.
  void set_expiry(std::int64_t expire_at_ms) noexcept {
    action_ = Action::set_expiry;
    expire_at_ms_ = expire_at_ms;
  }

 private:
  friend class Prepared;
  friend class Update;
  enum class Action : std::uint8_t { keep, remove, put, set_expiry };

  Looker* looker_ = nullptr;
  const ItemView* current_ = nullptr;
  Action action_ = Action::keep;
  bool has_looked_ = false;  // else its answer is the same whatever the key holds
  std::string_view head_;
  std::string_view tail_;
  ValueRef block_;
  std::size_t size_ = 0;  // of what is to be written
  std::optional<Visitor<void(char*)>> write_;
  std::int64_t expire_at_ms_ = kNoExpiry;
  std::optional<std::int64_t> kept_lifetime_ms_;
  bool takes_over_ = false;
};

}  // namespace strata::cache
