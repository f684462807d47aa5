#include "server/net/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <utility>

namespace strata::server {
namespace {

// What OpenSSL has noted last, and nothing is left of it.
std::string last_error() {
  const unsigned long code = ERR_peek_last_error();
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  const char* const reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : text.data();
}

class Loader {
 public:
  Loader(const config::Tls& settings, const std::function<std::string(const std::string&)>& resolve,
         std::vector<config::Problem>& problems)
      : settings_(settings), resolve_(resolve), problems_(problems), context_(SSL_CTX_new(TLS_server_method())) {}
  ~Loader() { SSL_CTX_free(context_); }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // A null pointer: it has said what is wrong.
  SSL_CTX* load() {
    if (context_ == nullptr) return fail("tls.port", "OpenSSL has no memory", "");
    set_versions();
    if (!take_certificate() || !take_authorities() || !take_ciphers()) return nullptr;
    return std::exchange(context_, nullptr);
  }

 private:
  SSL_CTX* fail(std::string key, std::string what, std::string allowed) {
    problems_.push_back({"", std::move(key), std::move(what), std::move(allowed)});
    return nullptr;
  }

  void set_versions() {
    SSL_CTX_set_min_proto_version(context_, settings_.min_version == config::TlsVersion::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    // A client could keep the processor busy by beginning anew; and compression tells of what it compresses.
    SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                      SSL_OP_IGNORE_UNEXPECTED_EOF);
    // An idle connection holds no buffers.
    SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);  // TLS 1.3 and tickets resume without one
  }

  bool take_certificate() {
    const std::string certificate = resolve_(settings_.certificate_file);
    if (SSL_CTX_use_certificate_chain_file(context_, certificate.c_str()) != 1)
      return fail("tls.certificate_file", certificate + ": " + last_error(), "a PEM file with a certificate") != nullptr;
    const std::string key = resolve_(settings_.key_file);
    // A key that asks for a password must not ask at the terminal.
    SSL_CTX_set_default_passwd_cb(context_, [](char*, int, int, void*) { return 0; });
    if (SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1)
      return fail("tls.key_file", key + ": " + last_error(), "a PEM file with the key of tls.certificate_file, not encrypted") !=
             nullptr;
    return true;
  }

  bool take_authorities() {
    if (settings_.client_certificates == config::ClientCertificates::no) return true;
    const std::string file = resolve_(settings_.ca_file);
    STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(file.c_str());
    if (names == nullptr || SSL_CTX_load_verify_locations(context_, file.c_str(), nullptr) != 1) {
      sk_X509_NAME_pop_free(names, X509_NAME_free);
      return fail("tls.ca_file", file + ": " + last_error(), "a PEM file with certificates") != nullptr;
    }
    SSL_CTX_set_client_CA_list(context_, names);  // which takes them over
    const bool required = settings_.client_certificates == config::ClientCertificates::required;
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    static constexpr std::array<unsigned char, 6> kSessionContext = {'s', 't', 'r', 'a', 't', 'a'};
    SSL_CTX_set_session_id_context(context_, kSessionContext.data(), kSessionContext.size());
    return true;
  }

  bool take_ciphers() {
    if (!settings_.ciphers.empty() && SSL_CTX_set_cipher_list(context_, settings_.ciphers.c_str()) != 1)
      return fail("tls.ciphers", last_error(), "ciphers that OpenSSL knows, separated by colons") != nullptr;
    if (!settings_.cipher_suites.empty() && SSL_CTX_set_ciphersuites(context_, settings_.cipher_suites.c_str()) != 1)
      return fail("tls.cipher_suites", last_error(), "cipher suites of TLS 1.3, separated by colons") != nullptr;
    return true;
  }

  const config::Tls& settings_;
  const std::function<std::string(const std::string&)>& resolve_;
  std::vector<config::Problem>& problems_;
  SSL_CTX* context_;
};

}  // namespace

std::shared_ptr<const TlsContext> TlsContext::load(const config::Tls& settings,
                                                   const std::function<std::string(const std::string&)>& resolve,
                                                   std::vector<config::Problem>& problems) {
  ERR_clear_error();
  SSL_CTX* const context = Loader(settings, resolve, problems).load();
  if (context == nullptr) return nullptr;
  const bool asks = settings.client_certificates == config::ClientCertificates::required;
  return std::shared_ptr<const TlsContext>(new TlsContext(context, asks));
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

}  // namespace strata::server
