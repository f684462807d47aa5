#include "loadtest/run/verify_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

#include "loadtest/random.h"
#include "loadtest/run/run_clock.h"

namespace strata::loadtest {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::size_t kFindings = 5;
// A server's clock ticks in milliseconds, it may be read once for many requests, and replies take a while: only what is off by
// more than this is wrong.
constexpr std::uint64_t kExpirySlackNs = 50'000'000;

std::uint64_t ns(std::int64_t ms) { return static_cast<std::uint64_t>(ms) * 1'000'000ULL; }

// The version in "KEY:VERSION:..." if the key is the one expected.
std::optional<std::uint32_t> version_in(std::string_view value, std::uint64_t key) {
  const auto number = [&value](auto& to) {
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), to);
    if (error != std::errc{} || end == value.data() + value.size() || *end != ':') return false;
    value.remove_prefix(static_cast<std::size_t>(end - value.data()) + 1);
    return true;
  };
  std::uint64_t written_key = 0;
  std::uint32_t version = 0;
  if (!number(written_key) || !number(version) || written_key != key) return std::nullopt;
  return version;
}

}  // namespace

void VerifyCounts::add(const VerifyCounts& other) noexcept {
  checked += other.checked;
  wrong += other.wrong;
  stale += other.stale;
  lost += other.lost;
  absent += other.absent;
}

VerifyStream::VerifyStream(VerifyState& state, const Workload& workload, OperationSource& source, RequestEncoder& encoder,
                           Place place, std::uint32_t batch, bool may_evict)
    : state_(state),
      workload_(workload),
      source_(source),
      encoder_(encoder),
      place_(place),
      batch_(batch),
      may_evict_(may_evict) {}

void VerifyStream::value_of(std::uint64_t key, std::uint32_t version, std::string& value) const {
  const std::uint64_t seed = mix(key) + version;  // size and content change with every version
  value.clear();
  fmt::format_to(std::back_inserter(value), "{}:{}:", key, version);
  workload_.value_content->append(seed, workload_.value_bytes(seed), value);
}

Batch VerifyStream::next() {
  bytes_.clear();
  kinds_.clear();
  requests_.clear();
  while (kinds_.size() < batch_) {
    if (!sweep_) {
      append(source_.next());
      continue;
    }
    const std::uint64_t key = swept_ * place_.owners + place_.owner;
    if (key >= state_.size()) break;
    ++swept_;
    append({*sweep_, key, 0, 0});
  }
  return {bytes_, kinds_.data(), static_cast<std::uint32_t>(kinds_.size())};
}

void VerifyStream::append(Operation operation) {
  if (operation.kind != OperationKind::get && !is_own(operation.key)) {
    operation.key = operation.key - operation.key % place_.owners + place_.owner;
    if (operation.key >= state_.size()) operation.key -= place_.owners;
  }
  Request& request = requests_.emplace_back();
  request.key = operation.key;
  request.encoded_ns = now_ns();
  kinds_.push_back(operation.kind);
  operation.kind == OperationKind::get ? append_read(operation, request) : append_write(operation, request);
}

void VerifyStream::append_write(const Operation& operation, Request& request) {
  VerifyState::Key& key = state_.key(operation.key);
  request.version = key.sent.load(kRelaxed) + 1;
  request.ttl_ms = operation.ttl_ms;
  if (operation.kind == OperationKind::del) key.deletion.store(request.version);
  key.may_expire_ns.store(
      operation.ttl_ms > 0 ? request.encoded_ns + ns(operation.ttl_ms) - std::min(ns(operation.ttl_ms), kExpirySlackNs) : 0);
  key.must_expire_ns.store(0);
  // Before the request leaves: whoever sees the value must find the version known.
  key.sent.store(request.version);
  value_of(operation.key, request.version, value_);
  encoder_.append(operation, value_, bytes_);
}

void VerifyStream::append_read(const Operation& operation, Request& request) {
  VerifyState::Key& key = state_.key(operation.key);
  if (is_own(operation.key)) {
    // A connection's requests take effect in their order.
    request.version = request.newest = key.sent.load(kRelaxed);
    request.deleted = request.version != 0 && key.deletion.load(kRelaxed) == request.version;
    request.may_expire_ns = key.may_expire_ns.load(kRelaxed);
    request.must_expire_ns = key.must_expire_ns.load(kRelaxed);
  } else {
    request.version = key.acknowledged.load();
  }
  encoder_.append(operation, bytes_);
}

void VerifyStream::replied(std::uint32_t index, const Reply& reply, std::uint64_t now_ns) {
  const Request& request = requests_[index];
  if (kinds_[index] == OperationKind::get) return check_read(request, reply, now_ns);
  check_write(request, reply, now_ns);
}

void VerifyStream::check_write(const Request& request, const Reply& reply, std::uint64_t now_ns) {
  VerifyState::Key& key = state_.key(request.key);
  if (reply.outcome == Outcome::error) {
    key.uncertain.store(request.version);
    return;
  }
  if (request.ttl_ms > 0 && key.sent.load(kRelaxed) == request.version) {
    key.must_expire_ns.store(now_ns + ns(request.ttl_ms) + kExpirySlackNs);
  }
  key.acknowledged.store(request.version);
}

std::uint32_t VerifyStream::oldest_expected(const Request& request) {
  // After a write that failed, any version before it may be there, or none.
  return request.version <= state_.key(request.key).uncertain.load() ? 0 : request.version;
}

void VerifyStream::check_read(const Request& request, const Reply& reply, std::uint64_t now_ns) {
  if (reply.outcome == Outcome::error) return;
  ++counts_.checked;
  const std::uint32_t oldest = oldest_expected(request);
  const bool own = is_own(request.key);
  const std::uint32_t newest = own ? request.newest : state_.key(request.key).sent.load();
  if (reply.outcome != Outcome::hit) return check_nothing(request, now_ns);
  const std::optional<std::uint32_t> version = version_in(reply.text, request.key);
  if (!version || *version > newest) {
    return report(counts_.wrong, "wrong", request, reply.text.substr(0, 60));
  }
  value_of(request.key, *version, value_);
  if (reply.text != value_) {
    return report(
        counts_.wrong, "wrong", request,
        fmt::format("version {} with {} bytes instead of {}, or other ones", *version, reply.text.size(), value_.size()));
  }
  if (*version < oldest) {
    return report(counts_.stale, "stale", request, fmt::format("version {} after {} was confirmed", *version, oldest));
  }
  if (request.must_expire_ns != 0 && request.encoded_ns > request.must_expire_ns) {
    report(counts_.stale, "stale", request, fmt::format("version {} after it had expired", *version));
  }
}

void VerifyStream::check_nothing(const Request& request, std::uint64_t now_ns) {
  if (may_be_absent(request, now_ns)) {
    ++counts_.absent;
  } else {
    report(counts_.lost, "lost", request, fmt::format("version {} was confirmed", request.version));
  }
}

bool VerifyStream::may_be_absent(const Request& request, std::uint64_t now_ns) {
  if (may_evict_ || oldest_expected(request) == 0) return true;
  if (is_own(request.key)) return request.deleted || (request.may_expire_ns != 0 && now_ns >= request.may_expire_ns);
  // Any version sent since may be the one that was seen, with whatever time to live it had.
  return !workload_.ttl_ms.empty() || state_.key(request.key).deletion.load() >= request.version;
}

void VerifyStream::report(std::uint64_t& counter, const char* what, const Request& request, std::string_view detail) {
  ++counter;
  if (findings_.size() < kFindings) {
    findings_.push_back(fmt::format("{}: {}: {}", what, workload_.keys.text(request.key), detail));
  }
}

}  // namespace strata::loadtest
