//! A filter in the kernel that keeps the process's own changes to routes out of a listener's queue.
//!
//! These changes are as planned, and a commit may make a million of them. They would fill the queue,
//! and everything would have to be read again. The kernel writes the port of the socket that asked
//! for a change into the notification. Each notification enters the queue by itself, so the filter
//! only has to look at one header. What the kernel does with routes by itself has port 0.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Offsets in `struct nlmsghdr`.
const NLMSG_TYPE: u32 = 4;
const NLMSG_PID: u32 = 12;

/// The number of instructions of the filter.
const LENGTH: u16 = 7;

/// Drops notifications about routes that the socket with the port `own` asked for, from now on.
#[allow(unsafe_code, reason = "no library has SO_ATTACH_FILTER in a safe form")]
pub(super) fn leave_out_routes_of(socket: &impl AsFd, own: u32) -> io::Result<()> {
    let mut instructions = program(own);
    let program = libc::sock_fprog { len: LENGTH, filter: instructions.as_mut_ptr() };
    let size = libc::socklen_t::try_from(size_of_val(&program)).map_err(io::Error::other)?;
    // SAFETY: SO_ATTACH_FILTER reads a `struct sock_fprog` of this size, and the `len` instructions to which it points.
    // The kernel copies both. They live until after the call.
    let attached = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size,
        )
    };
    if attached == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The filter in the instructions of bpf(4). They read numbers as big-endian, but netlink has those of
/// the host.
fn program(own: u32) -> [libc::sock_filter; LENGTH as usize] {
    let kind = |kind: u16| u32::from(kind.to_be());
    [
        load(libc::BPF_H, NLMSG_TYPE),
        jump(kind(libc::RTM_NEWROUTE), 1, 0),
        jump(kind(libc::RTM_DELROUTE), 0, 2),
        load(libc::BPF_W, NLMSG_PID),
        jump(own.to_be(), 1, 0),
        answer(u32::MAX),
        answer(0),
    ]
}

/// Loads the number of this width at an offset.
fn load(width: u32, offset: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | width | libc::BPF_ABS, (0, 0), offset)
}

/// Skips so many instructions if the loaded number is `value`, and so many if it is not.
fn jump(value: u32, equal: u8, other: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, (equal, other), value)
}

/// Keeps at most so many bytes of the notification; none if it is left out.
fn answer(bytes: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, (0, 0), bytes)
}

fn instruction(code: u32, (jt, jf): (u8, u8), k: u32) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).unwrap_or_default(), jt, jf, k }
}
