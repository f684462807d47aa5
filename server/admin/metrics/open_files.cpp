#include "server/admin/metrics/open_files.h"

#include <sys/stat.h>

namespace strata::server::admin {

namespace {

constexpr const char* kDirectory = "/proc/self/fd";
constexpr std::size_t kPerSlice = 32;

}  // namespace

// Linux 6.2 and later tell the number as the size of the directory.
bool OpenFiles::begin() {
  struct stat status {};
  if (::stat(kDirectory, &status) == 0 && status.st_size > 0) {
    count_ = static_cast<std::size_t>(status.st_size);
    return true;
  }
  directory_.reset(::opendir(kDirectory));
  return directory_ == nullptr;
}

bool OpenFiles::slice() {
  if (!directory_) return begin();
  for (std::size_t n = 0; n < kPerSlice; ++n) {
    const dirent* entry = ::readdir(directory_.get());  // NOLINT(concurrency-mt-unsafe): the stream is ours alone
    if (entry == nullptr) {
      --count_;  // the one we look through
      directory_.reset();
      return true;
    }
    if (entry->d_name[0] != '.') ++count_;
  }
  return false;
}

}  // namespace strata::server::admin
