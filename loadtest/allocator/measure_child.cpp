// strata-measure-child: starts a program and reports what it used, as the kernel counted it.
//
// A process inherits the peak memory of the one that starts it, so a script that starts a small program reads its own size.
// This one is small: linked statically, no C++ library, no heap of its own.

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

// As env(1) and timeout(1) have it: outside of what programs use for themselves.
constexpr int kOwnFailure = 125;
constexpr int kCannotStart = 126;
constexpr int kNotFound = 127;

constexpr const char* kUsage =
    "Usage: strata-measure-child [--env NAME=VALUE]... [--output FILE] -- PROGRAM [ARGUMENT]...\n"
    "\n"
    "Runs PROGRAM and prints one JSON object: exit, seconds, user_seconds, system_seconds, peak_resident_bytes.\n"
    "  --env NAME=VALUE  set in the environment of PROGRAM, LD_PRELOAD for example\n"
    "  --output FILE     write the object there instead of to standard error\n"
    "Exit status: that of PROGRAM, 128 + N if signal N ended it; 125 wrong command line or own failure,\n"
    "126 PROGRAM cannot be started, 127 it does not exist.\n";

struct Options {
  const char* output = nullptr;
  char** program = nullptr;  // with its arguments
  bool help = false;
};

int complain(const char* what, const char* detail) {
  std::fprintf(stderr, "strata-measure-child: %s%s\n", what, detail);
  return kOwnFailure;
}

// Returns 0, or the exit status after a message.
int parse(char** words, Options& options) {
  for (; *words != nullptr; ++words) {
    const char* word = *words;
    if (std::strcmp(word, "--") == 0) {
      options.program = words + 1;
      return *options.program == nullptr ? complain("no program after --", "") : 0;
    }
    if (std::strcmp(word, "--help") == 0) {
      options.help = true;
      return 0;
    }
    const bool is_env = std::strcmp(word, "--env") == 0;
    if (!is_env && std::strcmp(word, "--output") != 0) {
      return complain("expected --env NAME=VALUE, --output FILE or -- PROGRAM, found ", word);
    }
    char* value = *++words;
    if (value == nullptr) return complain(word, " needs a value");
    if (!is_env) {
      options.output = value;
    } else if (std::strchr(value, '=') == nullptr || *value == '=') {
      return complain("--env: not NAME=VALUE: ", value);
    } else if (putenv(value) != 0) {  // NOLINT(concurrency-mt-unsafe): there is one thread
      return complain("--env: no memory for ", value);
    }
  }
  return complain("no -- PROGRAM given", "");
}

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

double now_seconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// The child's side. Its errno goes through the pipe, which a successful start closes.
[[noreturn]] void become(char** program, int report, pid_t parent) {
  // Whoever gives up waiting for this program must not leave the child behind, loading the machine.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kOwnFailure);
  execvp(program[0], program);
  const int error = errno;
  const ssize_t written = write(report, &error, sizeof error);
  _exit(written == sizeof error ? kCannotStart : kOwnFailure);
}

int exit_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

void print_report(std::FILE* output, int status, double elapsed, const rusage& usage) {
  std::fprintf(output,
               "{\"exit\":%d,\"seconds\":%.6f,\"user_seconds\":%.6f,\"system_seconds\":%.6f,"
               "\"peak_resident_bytes\":%lld}\n",
               exit_status(status), elapsed, seconds(usage.ru_utime), seconds(usage.ru_stime),
               static_cast<long long>(usage.ru_maxrss) * 1024);
}

int run(char** program, std::FILE* output) {
  int channel[2];
  if (pipe2(channel, O_CLOEXEC) != 0) return complain("pipe: ", strerrordesc_np(errno));
  const pid_t parent = getpid();
  const double begin = now_seconds();
  const pid_t child = fork();
  if (child < 0) return complain("fork: ", strerrordesc_np(errno));
  if (child == 0) become(program, channel[1], parent);
  close(channel[1]);
  int start_error = 0;
  const bool started = read(channel[0], &start_error, sizeof start_error) != sizeof start_error;
  close(channel[0]);
  int status = 0;
  rusage usage{};
  pid_t ended = 0;
  do ended = wait4(child, &status, 0, &usage);
  while (ended < 0 && errno == EINTR);
  const double elapsed = now_seconds() - begin;
  if (ended < 0) return complain("wait: ", strerrordesc_np(errno));
  if (!started) {
    std::fprintf(stderr, "strata-measure-child: cannot start %s: %s\n", program[0], strerrordesc_np(start_error));
    return start_error == ENOENT ? kNotFound : kCannotStart;
  }
  print_report(output, status, elapsed, usage);
  if (std::fflush(output) != 0) return complain("cannot write the result: ", strerrordesc_np(errno));
  return exit_status(status);
}

}  // namespace

int main(int, char** argv) {
  Options options;
  const int error = parse(argv + 1, options);
  if (error != 0) return error;
  if (options.help) return std::fputs(kUsage, stdout) < 0 ? kOwnFailure : 0;
  std::FILE* output = stderr;
  if (options.output != nullptr) output = std::fopen(options.output, "we");
  if (output == nullptr) {
    std::fprintf(stderr, "strata-measure-child: cannot write %s: %s\n", options.output, strerrordesc_np(errno));
    return kOwnFailure;
  }
  return run(options.program, output);
}
