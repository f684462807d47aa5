#pragma once

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/optional.hpp>
#include <cstdint>
#include <cstring>
#include <string>

#include "engine/api/strata.hpp"

namespace strata::server::admin {

// What Beast receives the body of a request into (its concept Body): a text, or the block of a large value, where it is to stay. The block is put in
// place once the header is known, and is as long as the header says. Thread safety: none.
struct ReceivedBody {
  struct value_type {
    std::string text;
    ValueRef block;
    std::size_t received_bytes = 0;
  };

  class reader {
   public:
    template <bool is_request, typename Fields>
    reader(boost::beast::http::header<is_request, Fields>&, value_type& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>&, boost::system::error_code& error) { error = {}; }

    template <typename Buffers>
    std::size_t put(const Buffers& buffers, boost::system::error_code& error) {
      error = {};
      std::size_t taken = 0;
      for (const boost::asio::const_buffer part : boost::beast::buffers_range_ref(buffers)) {
        const auto* bytes = static_cast<const char*>(part.data());
        if (!body_.block) {
          body_.text.append(bytes, part.size());
        } else if (part.size() <= body_.block.size() - body_.received_bytes) {
          std::memcpy(body_.block.data() + body_.received_bytes, bytes, part.size());
        } else {
          error = boost::beast::http::error::body_limit;
          return taken;
        }
        body_.received_bytes += part.size();
        taken += part.size();
      }
      return taken;
    }

    void finish(boost::system::error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

}  // namespace strata::server::admin
