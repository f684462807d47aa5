#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loadtest/run/request_stream.h"
#include "loadtest/wire/request_encoder.h"
#include "loadtest/workload/workload.h"

namespace strata::loadtest {

// What the verification found.
struct VerifyCounts {
  std::uint64_t checked = 0;  // replies to GET
  std::uint64_t wrong = 0;    // a value that nobody wrote under that key, or a damaged one
  std::uint64_t stale = 0;    // a value that was overwritten, deleted or expired before the request was sent
  std::uint64_t lost = 0;     // nothing, although a value was stored and neither deleted nor expired
  std::uint64_t absent = 0;   // nothing, and rightly so (with eviction allowed: or evicted)

  void add(const VerifyCounts& other) noexcept;
};

// What is known about every key, shared by all connections. A key is written by one connection only, its owner, and each write
// (a deletion too) has a version one above the last; everybody reads every key. Thread safety: all functions, from any thread.
class VerifyState {
 public:
  explicit VerifyState(std::uint64_t keys) : keys_(keys) {}

  struct Key {
    std::atomic<std::uint32_t> sent{0};            // version of the last write that was sent
    std::atomic<std::uint32_t> acknowledged{0};    // of the last write the server confirmed
    std::atomic<std::uint32_t> deletion{0};        // of the last deletion that was sent
    std::atomic<std::uint32_t> uncertain{0};       // version up to which writes may have failed
    std::atomic<std::uint64_t> may_expire_ns{0};   // the last write may be gone from here on; 0: does not expire
    std::atomic<std::uint64_t> must_expire_ns{0};  // the last confirmed write must be gone from here on; 0: unknown or never
  };
  [[nodiscard]] Key& key(std::uint64_t number) noexcept { return keys_[number]; }
  [[nodiscard]] std::uint64_t size() const noexcept { return keys_.size(); }

 private:
  std::vector<Key> keys_;
};

// Random reads and writes of one connection whose every reply is checked. Values hold their key and version.
class VerifyStream final : public RequestStream {
 public:
  struct Place {
    std::uint64_t owner = 0;   // this connection's number
    std::uint64_t owners = 1;  // connections in all
  };
  // REQUIRES: the workload has get, set and del only, and at least as many keys as there are owners.
  VerifyStream(VerifyState& state, const Workload& workload, OperationSource& source, RequestEncoder& encoder, Place place,
               std::uint32_t batch, bool may_evict);

  // Instead of random operations one of this kind on each own key, then the end: deletions before the first round, so that what
  // a server already held is gone, and reads after the last.
  void sweep(OperationKind kind) noexcept { sweep_ = kind; }

  Batch next() override;
  [[nodiscard]] bool wants_replies() const override { return true; }
  [[nodiscard]] bool wants_values() const override { return true; }
  void replied(std::uint32_t index, const Reply& reply, std::uint64_t now_ns) override;

  [[nodiscard]] const VerifyCounts& counts() const noexcept { return counts_; }
  // The first wrong, stale and lost replies in words; at most a few.
  [[nodiscard]] const std::vector<std::string>& findings() const noexcept { return findings_; }

 private:
  struct Request {
    std::uint64_t key = 0;
    std::uint32_t version = 0;  // of a write; of a read: the oldest that may be seen
    std::uint32_t newest = 0;   // of a read of an own key: the newest that may be seen; 0: whatever was sent by then
    std::int64_t ttl_ms = 0;
    std::uint64_t encoded_ns = 0;
    // Of a read of an own key, as it was when the read was put in line:
    bool deleted = false;
    std::uint64_t may_expire_ns = 0;
    std::uint64_t must_expire_ns = 0;
  };

  void append(Operation operation);
  void append_write(const Operation& operation, Request& request);
  void append_read(const Operation& operation, Request& request);
  void check_write(const Request& request, const Reply& reply, std::uint64_t now_ns);
  void check_read(const Request& request, const Reply& reply, std::uint64_t now_ns);
  void check_nothing(const Request& request, std::uint64_t now_ns);
  // The oldest version that the reply may hold; 0: any, or nothing.
  [[nodiscard]] std::uint32_t oldest_expected(const Request& request);
  [[nodiscard]] bool may_be_absent(const Request& request, std::uint64_t now_ns);
  void value_of(std::uint64_t key, std::uint32_t version, std::string& value) const;
  void report(std::uint64_t& counter, const char* what, const Request& request, std::string_view detail);
  [[nodiscard]] bool is_own(std::uint64_t key) const noexcept { return key % place_.owners == place_.owner; }

  VerifyState& state_;
  const Workload& workload_;
  OperationSource& source_;
  RequestEncoder& encoder_;
  Place place_;
  std::uint32_t batch_;
  bool may_evict_;
  std::optional<OperationKind> sweep_;
  std::uint64_t swept_ = 0;
  std::string bytes_;
  std::string value_;
  std::vector<OperationKind> kinds_;
  std::vector<Request> requests_;
  VerifyCounts counts_;
  std::vector<std::string> findings_;
};

}  // namespace strata::loadtest
