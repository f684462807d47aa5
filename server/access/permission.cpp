#include "server/access/permission.h"

#include "protocol/errors.h"
#include "server/commands/client_line.h"

namespace strata::server {
namespace {

namespace errors = protocol::errors;
using Against = AclVerdict::Against;

void note(Context& context, AclLog::Reason reason, std::string_view object, std::string_view user) {
  context.server.acl.log().add(reason, object, user, client_line(context.client, context.now_ms()), context.now_ms());
}

}  // namespace

bool is_permitted(Context& context, const Command& command) {
  AclRegistry& acl = context.server.acl;
  Client& client = context.client;
  if (client.access.pass == context.server.gate.pass()) return true;  // it was a pause that did not let it through
  // Whoever deleted its user disconnects it, but may not have come to it yet: nothing is run for it any more, as nobody either.
  const bool is_somebody = acl.refresh(client);
  if (!is_somebody) client.close_after_reply = true;
  if (!is_somebody || (acl.needs_log_in(client) && !command.has(kNoAuth))) {
    context.reply.error(errors::kNotAuthenticated);
    return false;
  }
  if (client.access.user->may_do_everything()) return true;
  const AclVerdict verdict = client.access.user->check(command, context.args);
  if (verdict.is_allowed()) return true;
  if (verdict.against == Against::command) {
    note(context, AclLog::Reason::command, command.full_name, client.access.user->name());
    context.reply.error(errors::no_command_permission(command.full_name));
  } else {
    note(context, AclLog::Reason::key, context.args[verdict.word], client.access.user->name());
    context.reply.error(errors::kNoKeyPermission);
  }
  return false;
}

bool log_in(Context& context, std::string_view user, std::string_view password) {
  if (context.server.acl.log_in(context.client, user, password)) return true;
  note(context, AclLog::Reason::auth, context.args[0], user);
  return false;
}

}  // namespace strata::server
