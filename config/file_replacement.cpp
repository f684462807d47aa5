#include "config/file_replacement.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace strata::config {
namespace {

std::string system_text() { return std::generic_category().message(errno); }

std::string resolved(const std::string& path) {
  char real[PATH_MAX];
  return realpath(path.c_str(), real) != nullptr ? real : path;
}

}  // namespace

FileReplacement::FileReplacement(const std::string& path) : target_(resolved(path)), path_(target_ + ".XXXXXX") {}

FileReplacement::~FileReplacement() {
  if (descriptor_ >= 0) close(descriptor_);
  if (exists_) unlink(path_.c_str());
}

std::string FileReplacement::take_over_permissions() const {
  struct stat before {};
  if (stat(target_.c_str(), &before) != 0 || fchmod(descriptor_, before.st_mode & 07777U) != 0) return system_text();
  // Only root may; else it is the one's who rewrites it.
  if (fchown(descriptor_, before.st_uid, before.st_gid) != 0 && errno != EPERM) return system_text();
  return {};
}

std::string FileReplacement::write(const std::string& text, std::optional<mode_t> permissions) {
  descriptor_ = mkstemp(path_.data());
  if (descriptor_ < 0) return system_text();
  exists_ = true;
  if (!permissions) {
    if (std::string wrong = take_over_permissions(); !wrong.empty()) return wrong;
  } else if (fchmod(descriptor_, *permissions) != 0) {
    return system_text();
  }
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t count = ::write(descriptor_, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_text();
    written += static_cast<std::size_t>(count);
  }
  return fsync(descriptor_) == 0 ? std::string() : system_text();
}

std::string FileReplacement::put_in_place() {
  if (std::rename(path_.c_str(), target_.c_str()) != 0) return system_text();
  exists_ = false;
  return {};
}

}  // namespace strata::config
