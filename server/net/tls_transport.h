#pragma once

#include <functional>
#include <memory>

#include "server/commands/statistics.h"
#include "server/net/descriptor.h"
#include "server/net/poller.h"
#include "server/net/tls_context.h"
#include "server/net/transport.h"

namespace strata::server {

// A transport that speaks TLS over a connected socket. The handshake is part of reading: until it is done nothing is read, and if it fails the connection
// is closed. What has been encrypted and does not fit into the socket is held here, one record at most, and told by held_bytes().
// `poller`: of the loop that uses it. `soon`: has a task run in the loop's next turn. `traffic`: the loop's, which outlives it.
std::unique_ptr<Transport> make_tls_transport(Descriptor socket, Poller& poller,
                                              std::function<void(std::function<void()>)> soon,
                                              std::shared_ptr<const TlsContext> context, BasicTraffic<Counter>& traffic);

}  // namespace strata::server
