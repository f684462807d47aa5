#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/commands/command.h"

namespace strata::server {

// A command as the running server knows it: its row, where it belongs, and the number its statistics are kept under.
struct Command {
  const CommandSpec* spec = nullptr;
  const Command* container = nullptr;  // CONFIG for CONFIG GET; null at the top
  std::string full_name;               // "config|get"
  std::size_t id = 0;                  // dense, from 0
  std::vector<const Command*> subcommands;

  [[nodiscard]] bool has(CommandFlag flag) const noexcept { return (spec->flags & flag) != 0; }
};

// All commands, put together from the rows of every family. Immutable after construction: any thread may look things up.
class CommandTable {
 public:
  CommandTable();
  CommandTable(const CommandTable&) = delete;
  CommandTable& operator=(const CommandTable&) = delete;

  // Case-insensitive; null if there is no such command.
  [[nodiscard]] const Command* find(std::string_view name) const noexcept;
  [[nodiscard]] static const Command* find_subcommand(const Command& container, std::string_view name) noexcept;
  // "config|get" as well as "get".
  [[nodiscard]] const Command* find_full(std::string_view full_name) const noexcept;

  // Top-level commands in the order of their names.
  [[nodiscard]] const std::vector<const Command*>& commands() const noexcept { return top_; }
  // Every command and subcommand; the index is Command::id.
  [[nodiscard]] const std::deque<Command>& all() const noexcept { return all_; }

 private:
  static constexpr unsigned kBucketBits = 9;
  static constexpr std::size_t kBuckets = 1ULL << kBucketBits;

  // A name as it is compared: with its size, its first eight bytes tell nearly all commands apart.
  struct Word {
    explicit Word(std::string_view name) noexcept;
    [[nodiscard]] std::size_t bucket() const noexcept;
    bool operator==(const Word&) const = default;

    std::uint64_t first_bytes;
    std::size_t size;
  };
  struct Bucket {
    Word word{{}};
    const Command* command = nullptr;  // null: nothing is here
    bool is_exact = false;             // no other name has this word
  };

  const Command* add(const CommandSpec& spec, const Command* container);

  std::deque<Command> all_;
  std::vector<const Command*> top_;
  std::array<Bucket, kBuckets> buckets_{};
};

}  // namespace strata::server
