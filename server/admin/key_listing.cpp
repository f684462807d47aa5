#include "server/admin/key_listing.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <utility>

#include "server/admin/lossless_text.h"

namespace strata::server::admin {

namespace json = boost::json;

namespace {

constexpr std::uint64_t kSliceNanoseconds = 300'000;
// Few enough to write within the slice.
constexpr std::size_t kKeysPerStep = 128;

}  // namespace

KeyListing::KeyListing(AdminState& state, Namespace database, std::string pattern, std::uint64_t cursor, std::size_t limit)
    : state_(state), steps_(state.server.cache, database, std::move(pattern), cursor), limit_(limit) {}

KeyListing::~KeyListing() { charge(0); }

std::optional<Response> KeyListing::slice() {
  const std::uint64_t end_ns = monotonic_ns() + kSliceNanoseconds;
  do {
    looked_at_ += steps_.step(*state_.session, std::min(limit_ - found_, kKeysPerStep),
                              [this](std::string_view key, const ItemView& item) { add(key, item); });
    charge(text_.capacity());
    if (steps_.cursor() == 0 || is_full()) {
      text_.append("],\"cursor\":").append(std::to_string(steps_.cursor())).append("}\n");
      Response response;
      response.body = std::move(text_);
      return response;
    }
  } while (monotonic_ns() < end_ns);
  return std::nullopt;
}

void KeyListing::add(std::string_view key, const ItemView& item) {
  json::object entry{{"key", lossless(key.substr(0, kShownKeyBytes))}, {"bytes", item.value.size()}};
  if (key.size() > kShownKeyBytes) entry["key_bytes"] = key.size();
  entry["expires_at_ms"] = item.expire_at_ms == kNoExpiry ? json::value() : json::value(item.expire_at_ms);
  if (found_++ != 0) text_ += ',';
  text_ += json::serialize(entry);
}

void KeyListing::charge(std::size_t bytes) {
  state_.server.cache.budget().charge(Purpose::client_buffers,
                                      static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(charged_bytes_));
  charged_bytes_ = bytes;
}

}  // namespace strata::server::admin
