#pragma once

#include <string>
#include <string_view>

// Changes single values in the text of a YAML file and leaves all else as it was written: comments, order, blank lines. It knows YAML and nothing
// of the keys. What it can not do, such as values of several lines or sections in braces, comes out as something else than was wanted: whoever uses it
// reads the result, and compares.
namespace strata::config {

// The text with `value`, which is YAML of one line, in place of the value of `name` in the section; as a first line of the section, or as a section at the
// end, where that is not there. REQUIRES: `text` is YAML that read_yaml takes. Throws YAML::Exception otherwise.
[[nodiscard]] std::string with_yaml_value(std::string text, std::string_view section, std::string_view name,
                                          std::string_view value);

}  // namespace strata::config
