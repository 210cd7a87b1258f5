//! The connections that are open, and what each is doing: so that an idle one is closed when
//! file descriptors or memory run short, and no client that reads waits for one that does not.
//!
//! 1. Where no more can be accepted, the connection that has been without a request for longest is
//!    closed; where each has a request, the one that has taken nothing of its answer for longest.
//! 2. Answers that wait to be read are counted in bytes. Beyond a limit over all of them, the one of
//!    which nothing was taken for longest is closed with its connection.
//! 3. An answer of which nothing at all is taken for a while is closed anyway; see `patience`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::Notify;

/// Connections that are open at once.
const MAX_CONNECTIONS: usize = 1024;
/// Connections that stay open whatever happens, and file descriptors that are left for files once there
/// were too few.
const MIN_CONNECTIONS: usize = 8;
/// Bytes of all answers that wait to be read.
const MAX_UNSENT_BYTES: usize = 256 << 20;

/// All connections. A clone shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections(Arc<Mutex<Table>>);

#[derive(Debug)]
struct Table {
    next: u64,
    /// By number, the oldest first.
    open: BTreeMap<u64, ConnectionState>,
    /// Connections that were asked to end and have not yet.
    closing: usize,
    /// Bytes of answers.
    unsent_bytes: usize,
    /// Connections that may be open; fewer once file descriptors were.
    max_connections: usize,
    /// Bytes of answers that may wait.
    max_unsent_bytes: usize,
}

impl Default for Table {
    fn default() -> Self {
        let open = BTreeMap::new();
        Self {
            next: 0,
            open,
            closing: 0,
            unsent_bytes: 0,
            max_connections: MAX_CONNECTIONS,
            max_unsent_bytes: MAX_UNSENT_BYTES,
        }
    }
}

#[derive(Debug)]
struct ConnectionState {
    /// When it last took something, or began or ended a request.
    last_active: Instant,
    /// Requests that are being answered.
    active_requests: usize,
    /// Bytes of its answers.
    unsent_bytes: usize,
    close: Arc<Notify>,
}

/// One connection, open until this is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    number: u64,
    all: Connections,
    close: Arc<Notify>,
}

/// An answer of so many bytes, until it is written or its connection is gone.
#[derive(Debug)]
pub(crate) struct PendingResponse {
    connection: Arc<Connection>,
    bytes: usize,
}

impl Connections {
    /// With other limits, for tests.
    #[cfg(test)]
    fn with(max_connections: usize, max_unsent_bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(Table { max_connections, max_unsent_bytes, ..Table::default() })))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens one more, for which another may have to go.
    pub(crate) fn open(&self) -> Arc<Connection> {
        let close = Arc::new(Notify::new());
        let mut table = self.table();
        while table.open.len() >= table.max_connections && table.close_most_idle() {}
        let number = table.next;
        table.next += 1;
        let state = ConnectionState {
            last_active: Instant::now(),
            active_requests: 0,
            unsent_bytes: 0,
            close: close.clone(),
        };
        table.open.insert(number, state);
        Arc::new(Connection { number, all: self.clone(), close })
    }

    /// File descriptors or memory ran short: from now on fewer are open. Nothing happens while those that
    /// were told to end have not ended.
    pub(crate) fn close_idle(&self) {
        let mut table = self.table();
        if table.closing > 0 {
            return;
        }
        table.max_connections =
            table.open.len().saturating_sub(MIN_CONNECTIONS).max(MIN_CONNECTIONS);
        while table.open.len() > table.max_connections && table.close_most_idle() {}
    }
}

impl Table {
    /// Closes the connection that is missed least.
    fn close_most_idle(&mut self) -> bool {
        let idleness =
            |(_, state): &(&u64, &ConnectionState)| (state.active_requests > 0, state.last_active);
        let Some(number) = self.open.iter().min_by_key(idleness).map(|(number, _)| *number) else {
            return false;
        };
        self.close(number);
        true
    }

    /// Closes answers, but for one connection's, until those that wait fit.
    fn close_unsent(&mut self, exempt: u64) {
        while self.unsent_bytes > self.max_unsent_bytes {
            let waiting = |(number, state): &(&u64, &ConnectionState)| {
                state.unsent_bytes > 0 && **number != exempt
            };
            let oldest =
                self.open.iter().filter(waiting).min_by_key(|(_, state)| state.last_active);
            let Some(number) = oldest.map(|(number, _)| *number) else { return };
            self.close(number);
        }
    }

    /// Tells a connection to end; it counts no more.
    fn close(&mut self, number: u64) {
        if let Some(state) = self.open.remove(&number) {
            self.unsent_bytes -= state.unsent_bytes;
            self.closing += 1;
            state.close.notify_one();
        }
    }
}

impl Connection {
    /// Ends when the connection is to be closed.
    pub(crate) async fn closed(&self) {
        self.close.notified().await;
    }

    /// Notes that the client took something.
    pub(crate) fn touch(&self) {
        if let Some(state) = self.all.table().open.get_mut(&self.number) {
            state.last_active = Instant::now();
        }
    }

    /// Notes that a request begins to be answered, until the answer is dropped.
    pub(crate) fn begin_response(self: &Arc<Self>) -> PendingResponse {
        if let Some(state) = self.all.table().open.get_mut(&self.number) {
            state.active_requests += 1;
            state.last_active = Instant::now();
        }
        PendingResponse { connection: self.clone(), bytes: 0 }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut table = self.all.table();
        match table.open.remove(&self.number) {
            Some(state) => table.unsent_bytes -= state.unsent_bytes,
            None => table.closing -= 1,
        }
    }
}

impl PendingResponse {
    /// Notes its bytes, once they are known. Others that wait may have to go.
    pub(crate) fn add_bytes(&mut self, bytes: usize) {
        let number = self.connection.number;
        let mut table = self.connection.all.table();
        let Some(state) = table.open.get_mut(&number) else { return };
        state.unsent_bytes += bytes;
        state.last_active = Instant::now();
        table.unsent_bytes += bytes;
        self.bytes += bytes;
        table.close_unsent(number);
    }
}

impl Drop for PendingResponse {
    fn drop(&mut self) {
        let mut table = self.connection.all.table();
        if let Some(state) = table.open.get_mut(&self.connection.number) {
            state.active_requests -= 1;
            state.unsent_bytes -= self.bytes;
            state.last_active = Instant::now();
            table.unsent_bytes -= self.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_open(connection: &Connection) -> bool {
        connection.all.table().open.contains_key(&connection.number)
    }

    #[test]
    fn the_one_without_a_request_for_longest_goes_first() {
        let all = Connections::with(3, 1000);
        let [busy, first, second] = [(); 3].map(|()| all.open());
        let answer = busy.begin_response();
        let third = all.open();
        assert_eq!(
            [&busy, &first, &second, &third].map(|one| is_open(one)),
            [true, false, true, true]
        );
        // One that has just ended a request was still for less long.
        drop(answer);
        let fourth = all.open();
        assert_eq!(
            [&busy, &second, &third, &fourth].map(|one| is_open(one)),
            [true, false, true, true]
        );
    }

    #[test]
    fn of_answers_beyond_the_limit_the_one_that_moved_least_is_closed() {
        let all = Connections::with(100, 1000);
        let [first, second, third] = [(); 3].map(|()| all.open());
        let hold = |connection: &Arc<Connection>, bytes| {
            let mut answer = connection.begin_response();
            answer.add_bytes(bytes);
            answer
        };
        let (_one, _two) = (hold(&first, 400), hold(&second, 400));
        first.touch();
        let three = hold(&third, 400);
        assert_eq!([&first, &second, &third].map(|one| is_open(one)), [true, false, true]);
        drop(three);
        assert_eq!(all.table().unsent_bytes, 400);
        // One answer larger than the limit is given, and is alone.
        let _large = hold(&third, 5000);
        assert_eq!([&first, &third].map(|one| is_open(one)), [false, true]);
    }

    #[tokio::test]
    async fn running_short_leaves_a_few_and_tells_the_others() {
        let all = Connections::default();
        let open: Vec<_> = (0..20).map(|_| all.open()).collect();
        all.close_idle();
        // Called again before those have gone, it closes no more.
        all.close_idle();
        let left = open.iter().filter(|one| is_open(one)).count();
        assert_eq!(left, 12);
        open[0].closed().await;
        // From now on no more are open at once.
        let _more: Vec<_> = (0..5).map(|_| all.open()).collect();
        assert_eq!(all.table().open.len(), 12);
        drop(open);
        assert_eq!(all.table().open.len(), 5);
        (0..3).for_each(|_| all.close_idle());
        assert_eq!(all.table().open.len(), 5, "a few stay");
    }
}
