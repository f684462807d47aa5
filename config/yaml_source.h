#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"

// Reads a YAML file as a flat list of paths, and changes single values in one. It knows YAML and nothing of the keys.
namespace strata::config {

// Larger files are refused unread: nobody writes one by hand, and parsing costs many times its size.
inline constexpr std::size_t kMaximumFileBytes = 1U << 20;

struct YamlEntry {
  enum class Shape : std::uint8_t {
    scalar,   // `text` is the value
    list,     // of scalars: `text` is their values separated by commas
    nested,   // a list that holds lists or maps
    nothing,  // null
    section,  // a map at the top level; its entries follow as "section.name"
    map,      // any other map, or an empty one
  };
  std::string path;
  std::string location;  // "file:line:column" of the key: a value may be an alias of one far away
  Shape shape = Shape::nothing;
  std::string text;
};

struct YamlContent {
  std::vector<YamlEntry> entries;  // in the order of the file; a key that stands there twice comes twice
  std::vector<Problem> problems;   // unreadable, too large, not YAML, several documents, keys that are no text
};

struct FileText {
  std::string text;
  std::string wrong;  // empty when the file was read
};
// `most_bytes`: whole MiB; a larger file is refused.
FileText read_file(const std::string& path, std::size_t most_bytes = kMaximumFileBytes);
YamlContent read_yaml(const std::string& file_path);

// The text with `value`, which is YAML of one line, in place of the value of `name` in the section; as a first line of the section, or as a section at the
// end, where that is not there. All else stays as it was written: comments, order, blank lines. What it can not do, such as values of several lines or
// sections in braces, comes out as something else than was wanted: whoever uses it reads the result, and compares. Nothing: the text is not YAML.
[[nodiscard]] std::optional<std::string> with_yaml_value(std::string text, std::string_view section, std::string_view name,
                                                         std::string_view value);

}  // namespace strata::config
