//! Runs long computations on threads other than those that serve connections.

/// Starts a long computation on a separate thread. It must not wait for anything but its caller.
pub(super) fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> + Send {
    let task = tokio::task::spawn_blocking(work);
    async {
        match task.await {
            Ok(result) => result,
            // The task cannot be cancelled, since nothing else has its handle.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}
