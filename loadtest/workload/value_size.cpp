#include "loadtest/workload/value_size.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "config/nearest_word.h"
#include "config/value.h"
#include "loadtest/random.h"
#include "loadtest/workload/option_text.h"

namespace strata::loadtest {

namespace {

constexpr std::uint64_t kLargest = 512ULL << 20;
constexpr std::uint64_t kSizeSeed = 0x73697a65;  // so that sizes and contents of a key are unrelated

class Fixed final : public ValueSize {
 public:
  explicit Fixed(std::uint64_t bytes) : bytes_(static_cast<std::uint32_t>(bytes)) {}
  std::uint32_t of(std::uint64_t) const override { return bytes_; }

 private:
  std::uint32_t bytes_;
};

class Uniform final : public ValueSize {
 public:
  Uniform(std::uint64_t low, std::uint64_t high) : low_(low), high_(high) {}
  std::uint32_t of(std::uint64_t key) const override {
    return static_cast<std::uint32_t>(low_ + Random(key ^ kSizeSeed).below(high_ - low_ + 1));
  }

 private:
  std::uint64_t low_;
  std::uint64_t high_;
};

class LogNormal final : public ValueSize {
 public:
  LogNormal(double mu, double sigma, std::uint64_t largest) : mu_(mu), sigma_(sigma), largest_(static_cast<double>(largest)) {}
  std::uint32_t of(std::uint64_t key) const override {
    const double bytes = std::exp(mu_ + sigma_ * Random(key ^ kSizeSeed).normal());
    return static_cast<std::uint32_t>(std::clamp(bytes, 1.0, largest_));
  }

 private:
  double mu_;
  double sigma_;
  double largest_;
};

struct Row {
  double share;  // of this row and all before it
  std::uint32_t bytes;
};

class Table final : public ValueSize {
 public:
  explicit Table(std::vector<Row> rows) : rows_(std::move(rows)) {}
  std::uint32_t of(std::uint64_t key) const override {
    const double wanted = Random(key ^ kSizeSeed).unit() * rows_.back().share;
    return std::find_if(rows_.begin(), rows_.end() - 1, [wanted](const Row& row) { return wanted < row.share; })->bytes;
  }

 private:
  std::vector<Row> rows_;
};

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  const std::optional<std::uint64_t> bytes = config::parse_size(text);
  return bytes && *bytes <= kLargest ? bytes : std::nullopt;
}

std::unique_ptr<ValueSize> parse_uniform(const std::vector<std::string_view>& parts) {
  const auto low = parse_bytes(parts[1]);
  const auto high = parse_bytes(parts[2]);
  return low && high && *low <= *high ? std::make_unique<Uniform>(*low, *high) : nullptr;
}

std::unique_ptr<ValueSize> parse_log_normal(const std::vector<std::string_view>& parts) {
  const auto mu = parse_number(parts[1]);
  const auto sigma = parse_number(parts[2]);
  const auto largest = parts.size() == 4 ? parse_bytes(parts[3]) : std::optional(kLargest);
  const bool fits = mu && sigma && largest && *mu >= 0 && *mu <= 20 && *sigma >= 0 && *sigma <= 5 && *largest > 0;
  return fits ? std::make_unique<LogNormal>(*mu, *sigma, *largest) : nullptr;
}

std::unique_ptr<ValueSize> parse_table(std::string_view text) {
  std::vector<Row> rows;
  double sum = 0;
  for (const Weighted& entry : parse_weighted(text)) {
    const auto bytes = parse_bytes(entry.name);
    if (!bytes) return nullptr;
    rows.push_back({sum += entry.weight, static_cast<std::uint32_t>(*bytes)});
  }
  return rows.empty() ? nullptr : std::make_unique<Table>(std::move(rows));
}

}  // namespace

std::unique_ptr<ValueSize> ValueSize::parse(std::string_view text, std::string& problem) {
  const std::vector<std::string_view> parts = split(text, ':');
  const std::string_view name = parts.front();
  std::unique_ptr<ValueSize> result;
  if (parts.size() == 1) {
    if (const auto bytes = parse_bytes(text)) result = std::make_unique<Fixed>(*bytes);
  } else if (name == "uniform" && parts.size() == 3) {
    result = parse_uniform(parts);
  } else if (name == "lognormal" && (parts.size() == 3 || parts.size() == 4)) {
    result = parse_log_normal(parts);
  } else if (name == "table" && parts.size() == 2) {
    result = parse_table(parts[1]);
  }
  if (result) return result;
  problem = "'" + std::string(text) +
            "' is no value size; allowed: BYTES, uniform:LOW:HIGH, lognormal:MU:SIGMA[:MAX], table:BYTES=WEIGHT,..., sizes up to "
            "512mb";
  const std::string_view nearest = config::nearest_word(name, {"uniform", "lognormal", "table"});
  if (!nearest.empty() && nearest != name) problem += "; did you mean " + std::string(nearest) + "?";
  return nullptr;
}

}  // namespace strata::loadtest
