//! The map of the embedding table. `POST /api/map`: its tokens, colours, axes and steps;
//! `POST /api/map/points`: where the rows lie at a step, as safetensors (`points`, `[rows, 2]`);
//! `POST /api/map/near`: which rows really are a row's nearest, in all dimensions.

use axum::{Json, Router, extract, http::header, response::IntoResponse, routing::post};
use lookback_engine::ThreadPool;
use lookback_files::Refusal;
use lookback_lens::Table;
use lookback_model::TokenId;
use lookback_train::Snapshot;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ask::Ask,
    models::Served,
    refuse::{Refused, Result},
    state::State,
    tables,
};

/// Neighbours that are sent.
const NEAR: usize = 8;

pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/api/map", post(map))
        .route("/api/map/points", post(points))
        .route("/api/map/near", post(near))
}

#[derive(Deserialize)]
struct Of {
    model: Option<String>,
}

async fn map(
    extract::State(state): extract::State<State>,
    Ask(of): Ask<Of>,
) -> Result<Json<Value>> {
    let open = state.models.find(of.model.as_deref())?;
    let tables = state.tables.clone();
    let told = move || {
        let known = tables.of(&open);
        let axes = known.axes(&open);
        let [rows, width] = open.weights.network().weight(open.weights.network().embed).shape;
        let pieces: Vec<String> =
            (0..rows as u32).map(|id| open.tokenizer.piece(TokenId(id))).collect();
        json!({
            "rows": rows,
            "width": width,
            "steps": tables::steps(&open),
            "step": open.step.map(|(step, _)| step),
            "shares": axes.shares(),
            "parting": axes.discriminant_axes(),
            "fitted": axes.rows(),
            "words": known.words.all().len(),
            "names": known.colored.names,
            "by_meaning": known.colored.by_meaning,
            "colors": known.colored.tokens,
            "pieces": pieces,
        })
    };
    state.slowly(told).await.map(Json)
}

#[derive(Deserialize)]
struct Points {
    model: Option<String>,
    /// The step whose table is shown; the table as it is now where it is left out.
    step: Option<u64>,
    #[serde(default = "first_two")]
    axes: [usize; 2],
}

fn first_two() -> [usize; 2] {
    [0, 1]
}

async fn points(
    extract::State(state): extract::State<State>,
    Ask(asked): Ask<Points>,
) -> Result<impl IntoResponse> {
    let open = state.models.find(asked.model.as_deref())?;
    let tables = state.tables.clone();
    let work = move || {
        let known = tables.of(&open);
        let axes = known.axes(&open);
        if let Some(axis) = asked.axes.iter().find(|&&axis| axis >= axes.count()) {
            return Err(Refused::asked(format!(
                "there is no axis {axis}; this map has {}, counted from 0",
                axes.count()
            )));
        }
        at_step(&open, asked.step, |table| file(&axes.place(table, asked.axes)))?
    };
    let file = state.slowly(work).await??;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], file))
}

/// Shows the table of a step, or the model's own.
fn at_step<T>(open: &Served, step: Option<u64>, show: impl FnOnce(&Table<'_>) -> T) -> Result<T> {
    let own = Table::of_model(&open.weights);
    let Some(step) = step else { return Ok(show(&own)) };
    let snapshot = Snapshot::read(&open.path, step)?;
    if snapshot.width != own.width() {
        return Err(Refused::asked(format!(
            "the snapshot of step {step} is {} wide and the model is {}; they belong to different \
             runs",
            snapshot.width,
            own.width()
        )));
    }
    Ok(show(&Table::of_values(&snapshot.values, snapshot.width)))
}

fn file(points: &[[f32; 2]]) -> Result<Vec<u8>> {
    let bytes: Vec<u8> = points.as_flattened().iter().flat_map(|x| x.to_le_bytes()).collect();
    TensorView::new(Dtype::F32, vec![points.len(), 2], &bytes)
        .and_then(|view| safetensors::serialize([("points", view)], None))
        .map_err(|error| Refusal::ours(format!("the map could not be written ({error})")).into())
}

#[derive(Deserialize)]
struct Near {
    model: Option<String>,
    step: Option<u64>,
    id: u32,
}

async fn near(
    extract::State(state): extract::State<State>,
    Ask(asked): Ask<Near>,
) -> Result<Json<Value>> {
    let open = state.models.find(asked.model.as_deref())?;
    let work = move |pool: &ThreadPool| {
        let row = asked.id as usize;
        let near = at_step(&open, asked.step, |table| {
            let own = (row < table.rows()).then(|| table.row(row))?;
            Some(table.nearest_parallel(pool, &own, NEAR, |other| other != row))
        })?;
        let near = near
            .ok_or_else(|| Refused::asked(format!("the table that was kept has no row {row}")))?;
        let told = near.iter().map(|near| {
            let id = TokenId(near.row as u32);
            json!({ "id": id.0, "piece": open.tokenizer.piece(id), "cosine": near.cosine })
        });
        Ok(json!({ "id": asked.id, "near": told.collect::<Vec<_>>() }))
    };
    state.passes.in_turn(work).await?.map(Json)
}
