#include "loadtest/workload/value_content.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "config/nearest_word.h"
#include "loadtest/random.h"

namespace strata::loadtest {

namespace {

constexpr std::uint64_t kContentSeed = 0x636f6e74;

// Slices of one pool of random bytes, so that a value costs a copy and no more.
class RandomContent final : public ValueContent {
 public:
  RandomContent() : pool_(kPoolBytes, '\0') {
    Random random(kContentSeed);
    for (std::size_t i = 0; i < kPoolBytes; i += sizeof(std::uint64_t)) {
      const std::uint64_t word = random.next();
      std::memcpy(pool_.data() + i, &word, sizeof word);
    }
  }

  void append(std::uint64_t key, std::uint32_t bytes, std::string& to) const override {
    std::size_t from = mix(key ^ kContentSeed) % kPoolBytes;
    for (std::size_t left = bytes; left > 0; from = 0) {
      const std::size_t piece = std::min(left, kPoolBytes - from);
      to.append(pool_, from, piece);
      left -= piece;
    }
  }

 private:
  static constexpr std::size_t kPoolBytes = std::size_t{1} << 20;

  std::string pool_;
};

// Objects with the fields and the repetition that records of services have.
class JsonContent final : public ValueContent {
 public:
  void append(std::uint64_t key, std::uint32_t bytes, std::string& to) const override {
    const std::size_t begin = to.size();
    Random random(key ^ kContentSeed);
    fmt::format_to(std::back_inserter(to),
                   R"({{"id":{},"type":"{}","created_at":"2026-{:02}-{:02}T{:02}:{:02}:{:02}Z","active":{})", key, word(random),
                   random.below(12) + 1, random.below(28) + 1, random.below(24), random.below(60), random.below(60),
                   random.below(2) == 0 ? "false" : "true");
    for (unsigned field = 0; to.size() - begin + 1 < bytes; ++field) append_field(random, field, to);
    // Cut to the size wanted: whoever stores a value does not parse it.
    to.resize(begin + bytes);
    if (bytes > 0) to.back() = '}';
  }

 private:
  static std::string_view word(Random& random) {
    static constexpr std::array<std::string_view, 32> kWords = {
        "account", "order",   "session", "profile", "item",   "invoice", "message",  "device",  "region",   "status", "price",
        "email",   "address", "country", "city",    "name",   "title",   "comment",  "image",   "category", "score",  "version",
        "owner",   "group",   "payment", "channel", "source", "target",  "language", "product", "customer", "ticket"};
    return kWords[random.below(kWords.size())];
  }

  static void append_field(Random& random, unsigned field, std::string& to) {
    auto out = std::back_inserter(to);
    switch (random.below(5)) {
      case 0: fmt::format_to(out, R"(,"{}_id":{})", word(random), random.below(10'000'000)); break;
      case 1: fmt::format_to(out, R"(,"{}":"{} {} {}")", word(random), word(random), word(random), random.below(100)); break;
      case 2: fmt::format_to(out, R"(,"{}_total":{}.{:02})", word(random), random.below(5000), random.below(100)); break;
      case 3: fmt::format_to(out, R"(,"tags_{}":["{}","{}"])", field, word(random), word(random)); break;
      default: fmt::format_to(out, R"(,"{}_url":"https://cdn.example.com/{}/{:x}")", word(random), word(random), random.next());
    }
  }
};

class LineContent final : public ValueContent {
 public:
  explicit LineContent(std::vector<std::string> lines) : lines_(std::move(lines)) {}

  void append(std::uint64_t key, std::uint32_t, std::string& to) const override { to.append(line(key)); }
  std::uint32_t size(std::uint64_t key, std::uint32_t) const override { return static_cast<std::uint32_t>(line(key).size()); }

 private:
  [[nodiscard]] const std::string& line(std::uint64_t key) const { return lines_[mix(key ^ kContentSeed) % lines_.size()]; }

  std::vector<std::string> lines_;
};

std::unique_ptr<ValueContent> read_lines(const std::string& path, std::string& problem) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) lines.push_back(std::move(line));
  }
  if (!lines.empty()) return std::make_unique<LineContent>(std::move(lines));
  problem = fmt::format("lines:{}: the file {}", path,
                        file.is_open() ? "has no lines that are not empty"
                                       : std::string("can not be read: ") + std::generic_category().message(errno));
  return nullptr;
}

}  // namespace

std::uint32_t ValueContent::size(std::uint64_t, std::uint32_t wanted_bytes) const { return wanted_bytes; }

std::unique_ptr<ValueContent> ValueContent::parse(std::string_view text, std::string& problem) {
  constexpr std::string_view kLines = "lines:";
  if (text == "random") return std::make_unique<RandomContent>();
  if (text == "json") return std::make_unique<JsonContent>();
  if (text.substr(0, kLines.size()) == kLines) return read_lines(std::string(text.substr(kLines.size())), problem);
  problem = "'" + std::string(text) + "' is no value content; allowed: random, json, lines:FILE";
  const std::string_view nearest = config::nearest_word(text.substr(0, text.find(':')), {"random", "json", "lines"});
  if (!nearest.empty()) problem += "; did you mean " + std::string(nearest) + "?";
  return nullptr;
}

}  // namespace strata::loadtest
