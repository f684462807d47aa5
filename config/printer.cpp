#include "config/printer.h"

#include <algorithm>
#include <string_view>

#include "config/schema.h"

namespace strata::config {
namespace {

std::string in_quotes(std::string_view text) {
  std::string quoted_text = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted_text += '\\';
    quoted_text += c;
  }
  return quoted_text + '"';
}

std::string yaml_list(std::string_view separated) {
  constexpr std::string_view kSeparator = ", ";
  std::string list = "[";
  for (std::size_t begin = 0; begin < separated.size();) {
    const std::size_t end = std::min(separated.find(kSeparator, begin), separated.size());
    list.append(begin == 0 ? "" : kSeparator).append(in_quotes(separated.substr(begin, end - begin)));
    begin = end + kSeparator.size();
  }
  return list + ']';
}

// The head of a section in front of its first key.
std::string section_head(const Key& key, std::string_view& section) {
  if (key.section() == section) return {};
  section = key.section();
  return '\n' + std::string(section) + ":\n";
}

}  // namespace

std::string yaml_value(const Key& key, std::string_view text) {
  switch (key.kind) {
    case Kind::octal:
    case Kind::path:
    case Kind::text:
    case Kind::secret:
    case Kind::address: return in_quotes(text);
    case Kind::address_list: return yaml_list(text);
    case Kind::integer:
    case Kind::size:
    case Kind::duration:
    case Kind::memory:
    case Kind::flag:
    case Kind::choice: break;
  }
  return std::string(text);
}

std::string print_config(const Settings& settings, const Origins& origins) {
  std::string text = "# Strata: the configuration in effect, and where each value comes from.\n";
  std::string_view section;
  for (const Key& key : all_keys()) {
    const auto origin = origins.find(key.path);
    const bool hidden = key.kind == Kind::secret && !key.get(settings).empty();
    text.append(section_head(key, section)).append(hidden ? "  # " : "  ").append(key.name()).append(": ");
    text.append(yaml_value(key, key.shown(settings))).append("  # ").append(origin == origins.end() ? "default" : origin->second);
    text.append(hidden ? " (hidden: give it again)\n" : "\n");
  }
  return text;
}

std::string print_reference() {
  std::string text =
      "# Strata: every configuration key with its default value.\n"
      "#\n"
      "# A key can also be given in the environment (the variable stands beside it) and on the command line as\n"
      "# --set section.key=value; the command line wins over the environment, the environment over this file.\n"
      "# Sizes: kb, mb, gb and tb count in 1024, k, m, g and t in 1000. Durations: a number without a unit counts seconds.\n";
  const Settings defaults;
  std::string_view section;
  for (const Key& key : all_keys()) {
    const std::string value = yaml_value(key, key.shown(defaults));
    const std::string head = section_head(key, section);
    text.append(head.empty() ? "\n" : head);
    text.append("  # ").append(key.effect).append("\n");
    text.append("  # Allowed: ").append(key.allowed).append("\n");
    text.append("  # Default: ").append(value).append("\n");
    text.append("  # Run time: ").append(key.changeable ? "yes" : "no").append("\n");
    text.append("  # Environment: ").append(key.variable()).append("\n");
    text.append("  ").append(key.name()).append(": ").append(value).append("\n");
  }
  return text;
}

}  // namespace strata::config
