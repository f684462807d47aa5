#include "server/commands/client_line.h"

#include <fmt/format.h>

#include <algorithm>

namespace strata::server {

namespace {

// Redis' letters: 'O' it watches the others, 'b' it waits, 'U' connected by a unix socket, 'e' not to be disconnected for its memory, 'T' its reads
// are no uses, 'N' nothing special.
std::string flags_of(const Client& client) {
  std::string flags;
  if (client.is_watching()) flags += 'O';
  if (client.wait() == Client::Wait::waits) flags += 'b';
  if (client.identity().peer_address.find('/') != std::string::npos) flags += 'U';
  if (client.is_spared()) flags += 'e';
  if (!client.is_touching()) flags += 'T';
  return flags.empty() ? "N" : flags;
}

}  // namespace

// Fields of features that do not exist are at their rest values, since parsers expect them.
std::string client_line(const Client& client, std::int64_t now_ms) {
  const Client::Identity& who = client.identity();
  const Client::Activity& activity = client.activity;
  const auto relaxed = [](const auto& field) { return field.load(std::memory_order_relaxed); };
  const Command* last = relaxed(activity.last_command);
  const std::uint64_t held = relaxed(activity.query_buffer_bytes);
  const std::uint64_t used = std::min(relaxed(activity.query_buffer_used_bytes), held);
  const std::uint64_t output = relaxed(activity.output_bytes);
  return fmt::format(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub=0 psub=0 ssub=0 multi=-1 qbuf={} "
      "qbuf-free={} argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll={} omem={} tot-mem={} events={} cmd={} user={} "
      "redir=-1 resp={} lib-name={} lib-ver={}",
      who.id, who.peer_address, who.local_address, who.fd, client.name(),
      std::max<std::int64_t>(now_ms - who.connected_at_ms, 0) / 1000,
      std::max<std::int64_t>(now_ms - relaxed(activity.last_active_ms), 0) / 1000, flags_of(client), client.database(), used,
      held - used, relaxed(activity.output_segments), output, sizeof(Client) + held + output, output > 0 ? "rw" : "r",
      last != nullptr ? std::string_view(last->full_name) : "NULL", client.user_name(), client.resp3() ? 3 : 2,
      client.library_name(), client.library_version());
}

void note_own_command(Client& client, const Command* command, std::int64_t now_ms) {
  client.activity.last_command.store(command, std::memory_order_relaxed);
  client.activity.last_active_ms.store(now_ms, std::memory_order_relaxed);
}

}  // namespace strata::server
