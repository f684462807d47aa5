#include "server/commands/secret_words.h"

#include "config/schema.h"
#include "server/commands/redis_settings.h"
#include "server/commands/words.h"

namespace strata::server {
namespace {

bool is_secret_setting(std::string_view name) {
  const RedisSetting* const setting = find_redis_setting(name);
  const config::Key* const key = config::find_key(setting != nullptr ? std::string(setting->path) : lower_case(name));
  return key != nullptr && key->kind == config::Kind::secret;
}

}  // namespace

bool is_secret_word(const Command& command, std::span<const std::string_view> words, std::size_t index) {
  if (command.full_name == "auth") return index > 0;
  if (command.full_name == "acl|setuser") return index > 1;
  if (command.full_name == "hello") {
    // HELLO 3 AUTH user password
    return (index > 1 && equals_ignoring_case(words[index - 1], "auth")) ||
           (index > 2 && equals_ignoring_case(words[index - 2], "auth"));
  }
  return command.full_name == "config|set" && index > 2 && index % 2 == 1 && is_secret_setting(words[index - 1]);
}

}  // namespace strata::server
