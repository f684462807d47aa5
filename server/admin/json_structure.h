#pragma once

#include <cstddef>
#include <string_view>

namespace strata::server::admin {

// Counts what makes a JSON text costly to turn into values, without doing so: the members of its objects and the values
// of its arrays. Takes the text in parts; what is not JSON gives numbers without a meaning. Thread safety: none.
class JsonStructure {
 public:
  void look_at(std::string_view part) noexcept {
    for (const char c : part) {
      if (in_string_) {
        if (escaped_) {
          escaped_ = false;
        } else if (c == '\\') {
          escaped_ = true;
        } else if (c == '"') {
          in_string_ = false;
        }
      } else if (c == '"') {
        in_string_ = true;
      } else if (c == ',') {
        ++commas_;
      } else if (c == ':') {
        ++members_;
      }
    }
  }

  [[nodiscard]] std::size_t members() const noexcept { return members_; }
  // Those that follow another one in their array or object.
  [[nodiscard]] std::size_t values() const noexcept { return commas_; }

 private:
  bool in_string_ = false;
  bool escaped_ = false;
  std::size_t commas_ = 0;
  std::size_t members_ = 0;
};

}  // namespace strata::server::admin
