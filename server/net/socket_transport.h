#pragma once

#include <memory>

#include "server/net/descriptor.h"
#include "server/net/poller.h"
#include "server/net/transport.h"

namespace strata::server {

// A transport over a connected stream socket of any family. `poller`: of the loop that uses it.
std::unique_ptr<Transport> make_socket_transport(Descriptor socket, Poller& poller);

}  // namespace strata::server
