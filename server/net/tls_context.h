#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/problem.h"
#include "config/settings.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace strata::server {

// What TLS connections are made with: the certificate, its key, who is believed, which versions and ciphers. Immutable.
// Thread safety: all functions, from any thread.
class TlsContext {
 public:
  // A null pointer, and what is wrong, with the key that names it. `resolve` makes a path absolute.
  static std::shared_ptr<const TlsContext> load(const config::Tls& settings,
                                                const std::function<std::string(const std::string&)>& resolve,
                                                std::vector<config::Problem>& problems);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Nobody comes in without one.
  [[nodiscard]] bool asks_for_certificate() const noexcept { return asks_for_certificate_; }
  // Ownership: this one's; OpenSSL counts references of its own.
  [[nodiscard]] ssl_ctx_st* native() const noexcept { return context_; }

 private:
  TlsContext(ssl_ctx_st* context, bool asks_for_certificate) noexcept
      : context_(context), asks_for_certificate_(asks_for_certificate) {}
  ssl_ctx_st* context_;
  bool asks_for_certificate_;
};

// The context that new connections are made with: replaced when certificates are renewed, while older connections go on with theirs. Thread safety: all functions, from any thread.
class TlsFront {
 public:
  // A null pointer: TLS is off.
  [[nodiscard]] std::shared_ptr<const TlsContext> current() const {
    const std::scoped_lock lock(mutex_);
    return context_;
  }
  void set(std::shared_ptr<const TlsContext> context) {
    const std::scoped_lock lock(mutex_);
    context_ = std::move(context);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContext> context_;
};

}  // namespace strata::server
