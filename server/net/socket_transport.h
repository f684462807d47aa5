#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>

#include "server/net/poller.h"
#include "server/net/transport.h"

namespace strata::server {

// A transport over a connected stream socket of any family, taken over from the acceptor and bound to the loop of
// `socket`'s executor.
// `poller`: of that loop.
std::unique_ptr<Transport> make_socket_transport(boost::asio::generic::stream_protocol::socket socket, Poller& poller);

}  // namespace strata::server
