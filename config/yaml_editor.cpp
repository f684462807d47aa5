#include "config/yaml_editor.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstddef>

namespace strata::config {
namespace {

// Where a key of the map and what belongs to it stand; none of both: it is not there.
struct Entry {
  YAML::Node key, value;
};

Entry find(const YAML::Node& map, std::string_view name) {
  if (!map.IsMap()) return {};
  for (const auto& entry : map) {
    if (entry.first.IsScalar() && entry.first.Scalar() == name) return {entry.first, entry.second};
  }
  return {};
}

bool is_there(const Entry& entry) { return entry.key.IsScalar(); }

std::size_t begin_of(const YAML::Node& node) { return static_cast<std::size_t>(node.Mark().pos); }

std::size_t line_begin(const std::string& text, std::size_t at) {
  const std::size_t newline = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
  return newline == std::string::npos ? 0 : newline + 1;
}

std::size_t line_end(const std::string& text, std::size_t at) { return std::min(text.find('\n', at), text.size()); }

// Behind the quote that ends what the one at `at` begins.
std::size_t quoted_end(const std::string& text, std::size_t at) {
  const char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      if (quote == '"' || at + 1 == text.size() || text[at + 1] != quote) return at + 1;
      ++at;
    }
  }
  return text.size();
}

// Behind the value that begins there, on its line.
std::size_t value_end(const std::string& text, std::size_t at) {
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) return quoted_end(text, at);
  const std::size_t end = line_end(text, at);
  if (at < text.size() && text[at] == '[') {
    for (std::size_t i = at; i < end;) {
      if (text[i] == ']') return i + 1;
      i = text[i] == '"' || text[i] == '\'' ? quoted_end(text, i) : i + 1;
    }
    return end;
  }
  std::size_t last = std::min(text.find(" #", at), end);
  while (last > at && (text[last - 1] == ' ' || text[last - 1] == '\t' || text[last - 1] == '\r')) --last;
  return last;
}

void replace_value(std::string& text, const Entry& entry, std::string_view value) {
  if (entry.value.IsNull()) {
    const std::size_t colon = text.find(':', begin_of(entry.key) + entry.key.Scalar().size());
    text.insert(std::min(colon, text.size() - 1) + 1, std::string(1, ' ').append(value));
    return;
  }
  const std::size_t begin = begin_of(entry.value);
  text.replace(begin, value_end(text, begin) - begin, value);
}

void insert_line(std::string& text, std::size_t at, std::size_t indentation, std::string_view name, std::string_view value) {
  text.insert(at, std::string(indentation, ' ').append(name).append(": ").append(value).append("\n"));
}

}  // namespace

std::string with_yaml_value(std::string text, std::string_view section, std::string_view name, std::string_view value) {
  constexpr std::size_t kIndentation = 2;
  const YAML::Node root = YAML::Load(text);
  const Entry found = find(root, section);
  if (!text.empty() && text.back() != '\n') text += '\n';
  if (!is_there(found)) {
    text.append(text.empty() ? "" : "\n").append(section).append(":\n");
    insert_line(text, text.size(), kIndentation, name, value);
    return text;
  }
  const Entry entry = find(found.value, name);
  if (is_there(entry)) {
    replace_value(text, entry, value);
  } else if (found.value.IsMap() && found.value.size() > 0) {
    const YAML::Node first = found.value.begin()->first;
    insert_line(text, line_begin(text, begin_of(first)), static_cast<std::size_t>(first.Mark().column), name, value);
  } else {
    insert_line(text, std::min(line_end(text, begin_of(found.key)) + 1, text.size()), kIndentation, name, value);
  }
  return text;
}

}  // namespace strata::config
