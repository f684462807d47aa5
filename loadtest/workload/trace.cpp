#include "loadtest/workload/trace.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>
#include <unordered_set>

namespace strata::loadtest {

namespace {

constexpr std::size_t kRecordBytes = 12;

// Little endian whatever the machine is.
std::uint64_t read_little_endian(const unsigned char* from, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes; i > 0; --i) value = (value << 8) | from[i - 1];
  return value;
}

// Cuts the decompressed stream into records.
class RecordReader {
 public:
  RecordReader(Trace& trace, std::uint64_t limit) : trace_(trace), limit_(limit) {}

  // False when the limit is reached.
  bool take(const unsigned char* bytes, std::size_t count) {
    bytes_ += count;
    while (count > 0) {
      const std::size_t taken = std::min(count, kRecordBytes - filled_);
      std::memcpy(record_.data() + filled_, bytes, taken);
      filled_ += taken;
      bytes += taken;
      count -= taken;
      if (filled_ < kRecordBytes) break;
      filled_ = 0;
      add({read_little_endian(record_.data(), 8), static_cast<std::uint32_t>(read_little_endian(record_.data() + 8, 4))});
      if (limit_ != 0 && trace_.accesses.size() == limit_) return false;
    }
    return true;
  }

  [[nodiscard]] bool in_record() const noexcept { return filled_ != 0; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  void add(Access access) {
    access.first = seen_.insert(access.key).second;
    trace_.distinct_keys += access.first ? 1 : 0;
    trace_.largest_key = std::max(trace_.largest_key, access.key);
    trace_.accesses.push_back(access);
  }

  Trace& trace_;
  std::uint64_t limit_;
  std::unordered_set<std::uint64_t> seen_;
  std::array<unsigned char, kRecordBytes> record_{};
  std::size_t filled_ = 0;
  std::uint64_t bytes_ = 0;
};

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DStream* stream) const noexcept { ZSTD_freeDStream(stream); }
};

// What is wrong with the file, or nothing.
std::string decompress(std::FILE* file, RecordReader& reader) {
  const std::unique_ptr<ZSTD_DStream, FreeDecompressor> stream(ZSTD_createDStream());
  std::vector<unsigned char> compressed(ZSTD_DStreamInSize());
  std::vector<unsigned char> plain(ZSTD_DStreamOutSize());
  std::size_t missing = 0;  // of the frame, as far as the decompressor knows; 0 at the end of one
  bool any = false;
  while (const std::size_t got = std::fread(compressed.data(), 1, compressed.size(), file)) {
    any = true;
    ZSTD_inBuffer in{compressed.data(), got, 0};
    while (in.pos < in.size) {
      ZSTD_outBuffer out{plain.data(), plain.size(), 0};
      missing = ZSTD_decompressStream(stream.get(), &out, &in);
      if (ZSTD_isError(missing) != 0) {
        return fmt::format("not a zstd file, or damaged: {} after {} bytes of records", ZSTD_getErrorName(missing),
                           reader.bytes());
      }
      if (!reader.take(plain.data(), out.pos)) return {};
    }
  }
  if (std::ferror(file) != 0) return fmt::format("can not be read: {}", std::generic_category().message(errno));
  if (!any) return "is empty";
  if (missing != 0) return fmt::format("is cut off: the compressed data ends early, after {} bytes of records", reader.bytes());
  if (reader.in_record()) {
    return fmt::format("ends within a record: {} bytes are no multiple of {}", reader.bytes(), kRecordBytes);
  }
  return {};
}

}  // namespace

std::optional<Trace> Trace::read(const std::string& path, std::uint64_t limit, std::string& problem) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (!file) {
    problem = fmt::format("trace {}: {}", path, std::generic_category().message(errno));
    return std::nullopt;
  }
  Trace trace;
  RecordReader reader(trace, limit);
  std::string wrong = decompress(file.get(), reader);
  if (wrong.empty() && trace.accesses.empty()) wrong = "holds no records";
  if (wrong.empty()) return trace;
  problem = fmt::format("trace {}: {}", path, wrong);
  return std::nullopt;
}

}  // namespace strata::loadtest
