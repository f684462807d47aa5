#include "server/access/key_use.h"

#include "server/commands/words.h"

namespace strata::server {
namespace {

constexpr KeyUse kReads{.reads = true, .writes = false};
constexpr KeyUse kWrites{.reads = false, .writes = true};
constexpr KeyUse kBoth{.reads = true, .writes = true};

// GET answers the value that was there, and a condition tells of it.
KeyUse use_of_set(std::span<const std::string_view> request) noexcept {
  for (std::size_t i = 3; i < request.size(); ++i) {
    for (const std::string_view word : {"get", "ifeq", "ifne", "ifdeq", "ifdne"}) {
      if (equals_ignoring_case(request[i], word)) return kBoth;
    }
  }
  return kWrites;
}

KeyUse use_of_bitfield(std::span<const std::string_view> request) noexcept {
  for (std::size_t i = 2; i < request.size(); ++i) {
    const std::size_t more = request.size() - i - 1;
    if (equals_ignoring_case(request[i], "get") && more >= 2) {
      i += 2;
    } else if (equals_ignoring_case(request[i], "overflow") && more >= 1) {
      i += 1;
    } else {
      return kBoth;
    }
  }
  return kReads;
}

KeyUse use_by_options(const Command& command, std::span<const std::string_view> request) noexcept {
  const std::string_view name = command.full_name;
  if (name == "set") return use_of_set(request);
  if (name == "bitfield") return use_of_bitfield(request);
  // DELEX tells by a condition what the value was.
  if (name == "delex") return request.size() > 2 ? kBoth : kWrites;
  return kBoth;
}

}  // namespace

KeyUse key_use(const Command& command, KeyAccess access, std::span<const std::string_view> request) noexcept {
  switch (access) {
    case KeyAccess::none:
    case KeyAccess::read_only_meta: return {};
    case KeyAccess::read: return kReads;
    case KeyAccess::write:
    case KeyAccess::insert:
    case KeyAccess::append:
    case KeyAccess::update:
    case KeyAccess::remove: return kWrites;
    case KeyAccess::read_write:
    case KeyAccess::read_remove: return kBoth;
    case KeyAccess::may_read_write:
    case KeyAccess::may_remove: return use_by_options(command, request);
  }
  return kBoth;
}

}  // namespace strata::server
