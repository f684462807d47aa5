#pragma once

#include <sys/types.h>
#include <optional>
#include <string>

namespace strata::config {

// A file written anew beside the one that it is to replace, and put in its place at once: others see the old one or the new one, whole. Gone where it was
// not put in its place. A link to the file stays one.
class FileReplacement {
 public:
  explicit FileReplacement(const std::string& path);
  ~FileReplacement();
  FileReplacement(const FileReplacement&) = delete;
  FileReplacement& operator=(const FileReplacement&) = delete;

  // Of what is being written.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  // Once. Empty, or why it could not be written. Its permissions and its owner are those of the file that it replaces, which is there; or the ones
  // given, and whoever runs this.
  [[nodiscard]] std::string write(const std::string& text, std::optional<mode_t> permissions = std::nullopt);
  // Empty, or why not.
  [[nodiscard]] std::string put_in_place();

 private:
  [[nodiscard]] std::string take_over_permissions() const;

  std::string target_;
  std::string path_;
  int descriptor_ = -1;
  bool exists_ = false;
};

}  // namespace strata::config
