#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/admin/admin_state.h"
#include "server/admin/job.h"
#include "server/commands/key_walk.h"

namespace strata::server::admin {

// One page of the keys of a database that match a pattern, found by a walk in slices and written as it goes. Whoever follows the cursors to the end sees
// every key that is there all the time. The text is charged to the client buffers.
class KeyListing final : public Job {
 public:
  // At most so many names at a time; a bucket of the index may add a few. Fewer where names are long or where the walk has looked at kMostLookedAt keys.
  static constexpr std::size_t kMostKeys = 1000;
  static constexpr std::size_t kMostLookedAt = 1'000'000;
  static constexpr std::size_t kPageBytes = 256ULL << 10;
  // Of a longer key that much is shown.
  static constexpr std::size_t kShownKeyBytes = 16ULL << 10;

  KeyListing(AdminState& state, Namespace database, std::string pattern, std::uint64_t cursor, std::size_t limit);
  ~KeyListing() override;

  std::optional<Response> slice() override;

 private:
  void add(std::string_view key, const ItemView& item);
  void charge(std::size_t bytes);
  [[nodiscard]] bool is_full() const noexcept {
    return found_ >= limit_ || looked_at_ >= kMostLookedAt || text_.size() >= kPageBytes;
  }

  AdminState& state_;
  KeySteps steps_;
  std::size_t limit_;
  std::size_t looked_at_ = 0;
  std::size_t found_ = 0;
  std::string text_ = "{\"keys\":[";
  std::size_t charged_bytes_ = 0;
};

}  // namespace strata::server::admin
