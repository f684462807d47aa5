#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace strata::server {

class Context;

// How a handler left its command: with its reply written, or waiting (a timer, a further slice of a long walk). A suspended
// command goes on by the continuation it left with the context; meanwhile its client alone waits, never a thread.
enum class Outcome : std::uint8_t { done, suspended };

using Handler = Outcome (*)(Context&);

// Command properties, as bits of CommandSpec::flags. Names as COMMAND INFO reports them.
enum CommandFlag : std::uint32_t {
  kWrite = 1U << 0U,
  kReadonly = 1U << 1U,
  kDenyOom = 1U << 2U,  // may grow memory: refused when the limit is reached and nothing can be evicted
  kAdmin = 1U << 3U,
  kFast = 1U << 4U,    // constant or logarithmic time
  kNoAuth = 1U << 5U,  // allowed before authentication
  kLoading = 1U << 6U,
  kStale = 1U << 7U,
  kNoScript = 1U << 8U,
  kDangerous = 1U << 9U,  // an ACL category only
  kAllowBusy = 1U << 10U,
  kAboutConnections = 1U << 24U,  // an ACL category only, in place of that of its group
  kAboutKeyspace = 1U << 25U,     // an ACL category only: it looks at all keys, or changes all
  kWordsTogether = 1U << 26U,     // of a container: an unknown subcommand and too few or many words of a known one are one error
};

// What a command does to its keys, as in the key specifications of COMMAND INFO.
enum class KeyAccess : std::uint8_t {
  none,
  read,
  read_only_meta,
  write,   // whatever was there gives way
  insert,  // where nothing was
  append,  // to what was there, if anything
  update,  // what was there, without telling of it
  read_write,
  may_read_write,  // depending on its options
  read_remove,
  may_remove,  // depending on its options
  remove,
};

// Where the keys stand among the arguments: first and last position (negative counts from the end), distance between them.
struct KeySpec {
  int first = 0;
  int last = 0;
  int step = 0;
  KeyAccess access = KeyAccess::none;
  int counted_at = 0;  // the argument that says how many keys there are; 0: `last` does
};

// One row of the command table: the single source of arity checks, COMMAND and the statistics.
struct CommandSpec {
  std::string_view name;  // lower case; subcommands hold their own name alone ("get" of CONFIG GET)
  int arity = 0;          // words with the name; negative: at least that many
  std::uint32_t flags = 0;
  KeySpec keys;
  std::string_view group;  // as Redis: string, bitmap, generic, connection, server, cluster
  std::string_view since;  // the version of Redis that has it in this form
  std::string_view summary;
  std::string_view complexity;
  std::string_view syntax;    // of the arguments; COMMAND DOCS is generated from it (see syntax.h)
  Handler handler = nullptr;  // null: has subcommands
  std::span<const CommandSpec> subcommands{};
  std::span<const KeySpec> key_kinds{};  // where `keys` is of several kinds: each of them, in the order of the arguments
};

}  // namespace strata::server
