"""The services of AWS that the flow stands on, over HTTP on one machine: moto, and what fills its gaps."""

from local_cloud.aws import lean_moto as lean_moto
