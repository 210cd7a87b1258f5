//! Gathering 768 rows of 512, and adding their gradients back.

mod timing;

use lookback_kernels::{
    embed::{Table, gather, scatter_add},
    naive,
    thread_pool::ThreadPool,
};
use timing::{ELEMENTS, numbers, report, same};

fn main() {
    let table = numbers(2048 * 512);
    let indices: Vec<u32> = (0..768).map(|row| row * 37 % 2048).collect();
    let (mut y, mut slow) = (vec![0.0; ELEMENTS], vec![0.0; ELEMENTS]);
    gather(&ThreadPool::single_threaded(), Table::Rows(&table), 512, &indices, &mut y);
    naive::embed::gather(Table::Rows(&table), 512, &indices, &mut slow);
    same(&y, &slow);
    report("gather", 8 * ELEMENTS, |pool| {
        gather(pool, Table::Rows(&table), 512, &indices, &mut y);
    });
    let (dy, mut dtable) = (y.clone(), table.clone());
    report("scatter_add", 12 * ELEMENTS, |pool| scatter_add(pool, &dy, 512, &indices, &mut dtable));
}
