#include "server/commands/table.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "server/commands/families.h"
#include "server/commands/words.h"

namespace strata::server {

namespace {

template <typename Integer>
std::uint64_t load(const char* from) noexcept {
  Integer bytes = 0;
  std::memcpy(&bytes, from, sizeof bytes);
  return bytes;
}

static_assert(std::endian::native == std::endian::little, "names are put together from their first byte on");

// Loads overlap where the name is no whole number of them.
std::uint64_t load_first_bytes(std::string_view name) noexcept {
  const char* const begin = name.data();
  const std::size_t size = name.size();
  if (size >= 8) return load<std::uint64_t>(begin);
  if (size >= 4) return load<std::uint32_t>(begin) | load<std::uint32_t>(begin + size - 4) << (size - 4) * 8;
  if (size == 0) return 0;
  return load<std::uint8_t>(begin) | load<std::uint8_t>(begin + size / 2) << (size / 2) * 8 |
         load<std::uint8_t>(begin + size - 1) << (size - 1) * 8;
}

bool is_letter(char c) noexcept { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }

}  // namespace

// Bit 5 puts letters into lower case, and makes a letter of nothing else.
CommandTable::Word::Word(std::string_view name) noexcept
    : first_bytes(load_first_bytes(name) | 0x2020202020202020U), size(name.size()) {}

// Multiplicative hashing (Knuth, The Art of Computer Programming 3, 6.4).
std::size_t CommandTable::Word::bucket() const noexcept {
  return (first_bytes + size) * 0x9E3779B97F4A7C15U >> (64U - kBucketBits);
}

CommandTable::CommandTable() {
  for (const auto& family :
       {connection_commands(), acl_commands(),        client_commands(),  command_commands(),     config_commands(),
        string_commands(),     counter_commands(),    range_commands(),   conditional_commands(), lcs_commands(),
        latency_commands(),    log_commands(),        cluster_commands(), bitmap_commands(),      bitop_commands(),
        bitfield_commands(),   key_commands(),        move_commands(),    object_commands(),      dump_commands(),
        expiry_commands(),     keyspace_commands(),   server_commands(),  monitor_commands(),     memory_commands(),
        lolwut_commands(),     replication_commands()}) {
    for (const CommandSpec& spec : family) {
      const Command* command = add(spec, nullptr);
      top_.push_back(command);
      const Word word(spec.name);
      std::size_t at = word.bucket();
      while (buckets_[at].command != nullptr) at = (at + 1) & (kBuckets - 1);
      const bool is_exact = word.size <= sizeof word.first_bytes && std::all_of(spec.name.begin(), spec.name.end(), is_letter);
      buckets_[at] = {word, command, is_exact};
    }
  }
  assert(top_.size() * 2 < kBuckets);
  std::sort(top_.begin(), top_.end(), [](const Command* a, const Command* b) { return a->full_name < b->full_name; });
}

const Command* CommandTable::add(const CommandSpec& spec, const Command* container) {
  Command& command = all_.emplace_back();
  command.spec = &spec;
  command.container = container;
  command.full_name = container == nullptr ? std::string(spec.name) : container->full_name + "|" + std::string(spec.name);
  command.id = all_.size() - 1;
  for (const CommandSpec& sub : spec.subcommands) command.subcommands.push_back(add(sub, &command));
  return &command;
}

const Command* CommandTable::find(std::string_view name) const noexcept {
  const Word word(name);
  for (std::size_t at = word.bucket(); buckets_[at].command != nullptr; at = (at + 1) & (kBuckets - 1)) {
    const Bucket& bucket = buckets_[at];
    if (bucket.word == word && (bucket.is_exact || equals_ignoring_case(name, bucket.command->spec->name))) return bucket.command;
  }
  return nullptr;
}

const Command* CommandTable::find_subcommand(const Command& container, std::string_view name) noexcept {
  for (const Command* sub : container.subcommands) {
    if (equals_ignoring_case(name, sub->spec->name)) return sub;
  }
  return nullptr;
}

const Command* CommandTable::find_full(std::string_view full_name) const noexcept {
  const std::size_t bar = full_name.find('|');
  const Command* command = find(full_name.substr(0, bar));
  if (command == nullptr || bar == std::string_view::npos) return command;
  return find_subcommand(*command, full_name.substr(bar + 1));
}

}  // namespace strata::server
