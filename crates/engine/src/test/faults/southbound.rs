//! A kernel in which a test interferes at each request.

use std::fmt;

use netstate::Op;

use super::*;

/// A request to the kernel.
#[derive(Clone, Copy)]
pub(super) enum Call<'a> {
    Observe,
    Execute(&'a Op),
}

/// What is done before each request. An error number refuses the request.
type Interference = dyn FnMut(Call<'_>, &FakeKernel) -> Option<i32> + Send;

/// A kernel between an engine and the real one, as long as the test interferes.
#[derive(Clone)]
pub(super) struct Interfered {
    kernel: FakeKernel,
    meddler: Arc<Mutex<Option<Box<Interference>>>>,
}

impl Interfered {
    /// Puts itself between an engine and its kernel.
    pub(super) fn between(
        engine: &mut Engine,
        kernel: &FakeKernel,
        meddler: impl FnMut(Call<'_>, &FakeKernel) -> Option<i32> + Send + 'static,
    ) -> Interfered {
        let meddler: Box<Interference> = Box::new(meddler);
        let meddler = Arc::new(Mutex::new(Some(meddler)));
        let meddled = Interfered { kernel: kernel.clone(), meddler };
        engine.kernel.replace(Box::new(meddled.clone()));
        meddled
    }

    /// Stops interfering.
    pub(super) fn stop(&self) {
        *self.meddler.lock().unwrap() = None;
    }

    fn meddle(&self, call: Call<'_>) -> Option<i32> {
        self.meddler.lock().unwrap().as_mut().and_then(|meddle| meddle(call, &self.kernel))
    }
}

impl Southbound for Interfered {
    fn observe(&mut self, scope: &Scope) -> std::result::Result<State, ObserveError> {
        match self.meddle(Call::Observe) {
            None => self.kernel.observe(scope),
            Some(errno) => Err(ObserveError { doing: "dump links".into(), cause: words(errno) }),
        }
    }

    fn execute(&mut self, plan: &Plan) -> std::result::Result<(), Refusal> {
        for (index, op) in plan.ops.iter().enumerate() {
            if let Some(errno) = self.meddle(Call::Execute(op)) {
                let (op, message) = (Box::new(op.clone()), words(errno));
                return Err(Refusal { index, op, errno, message, field: None });
            }
            let done = self.kernel.execute(&Plan { ops: vec![op.clone()] });
            done.map_err(|refusal| Refusal { index, ..refusal })?;
        }
        Ok(())
    }

    fn probe(&mut self, probe: &netstate::probe::Probe) -> netstate::probe::Attempt {
        self.kernel.probe(probe)
    }

    fn watch(&mut self, what: Watched, sink: EventSink) -> std::result::Result<(), ObserveError> {
        self.kernel.watch(what, sink)
    }
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Call::Observe => f.write_str("read the kernel's state"),
            Call::Execute(op) => op.fmt(f),
        }
    }
}

fn words(errno: i32) -> String {
    std::io::Error::from_raw_os_error(errno).to_string()
}
